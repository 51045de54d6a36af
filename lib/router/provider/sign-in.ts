import type { Request } from 'express';
import { requestFacts } from '../../http/request-facts.js';
import { AuthError } from '../../errors.js';
import type { SignedInUser } from '../../accounts/identities.js';
import type { ProviderSignIn } from '../../providers/login-provider.js';
import { noteAccess } from '../../accounts/identity.js';
import { redact } from '../../config/redact.js';
import { deviceLabel } from '../../sessions/device-label.js';
import type { SessionNotes } from '../../sessions/session-notes.js';
import type { ProvenSignIn } from '../../sessions/sessions.js';
import type { SessionProvider } from '../../stores/store.js';
import { mailOwner } from '../session/identities.js';
import type { RouterParts } from '../parts.js';
import { provenKeyOf } from '../proofs.js';

interface Arrival {
  readonly signedIn: Pick<Proof['signedIn'], 'identity' | 'sessionId' | 'tokens'>;
  /** Id of the user who has asked to add the identity. @defaultValue none: it is a sign-in */
  readonly linkTo?: string | undefined;
}

/** Finds the account of a user who has signed in with a provider, or makes one, or adds the identity to one. */
export async function admitIdentity(
  parts: RouterParts,
  req: Request,
  { signedIn, linkTo }: Arrival,
): Promise<SignedInUser> {
  const { identities, events, inBackground } = parts;
  noteAccess(
    signedIn.identity,
    redact({ accessToken: signedIn.tokens?.accessToken }, () => true),
  );
  const confirm = () => requireSameUser(parts, req, linkTo);
  const admitted: SignedInUser =
    linkTo === undefined
      ? await identities.signIn(signedIn)
      : await identities.link(signedIn, { userId: linkTo, confirm });
  const { user, link, linkedBy } = admitted;
  const { provider } = signedIn.identity;
  if (linkedBy !== undefined)
    events.emit('identity.linked', {
      userId: user.id,
      provider,
      by: linkedBy,
      ...requestFacts(req),
    });
  if (linkedBy === 'request' || linkedBy === 'email')
    mailOwner(parts, { kind: 'identity_added', user, provider });
  // A failure is the store's own event, and no reason to refuse anybody.
  if (linkTo === undefined) inBackground(identities.touch(link).catch(() => undefined));
  return admitted;
}

/** Rejects with LOGIN_DENIED (403) unless the user who asked for the link is still signed in. */
async function requireSameUser(
  { sessions, cookies }: RouterParts,
  req: Request,
  userId: string | undefined,
): Promise<void> {
  const live = await sessions.recognise(cookies.read(req, 'session'), 'cookie');
  if (live?.user.id !== userId || live?.notes.actor)
    throw new AuthError('LOGIN_DENIED', { reason: 'link_other_user' });
}

interface Proof {
  /** Without `tokens` where the provider has handed out none that are of use. */
  readonly signedIn: Omit<ProviderSignIn, 'tokens'> & Partial<Pick<ProviderSignIn, 'tokens'>>;
  readonly admitted: SignedInUser;
  readonly delivery: SessionNotes['delivery'];
  /** The authentication contexts that were asked for. @defaultValue any */
  readonly acrValues?: readonly string[] | undefined;
}

/** A sign-in with a provider that still has to get its session. */
export interface ProviderSession extends ProvenSignIn {
  readonly provider: SessionProvider;
}

/**
 * Returns what is noted of a sign-in with a provider, its tokens sealed among it. An identity that was added of late raises
 * nothing: it may be that of whoever held the session. Rejects with LOGIN_DENIED (403) when that was what the sign-in was for.
 */
export async function providerSessionFacts(
  { upstream, identities }: RouterParts,
  req: Request,
  { signedIn, admitted, delivery, acrValues }: Proof,
): Promise<ProviderSession> {
  const { identity, sessionId, authTime, acr, amr, tokens } = signedIn;
  const isSettled = identities.isSettled(admitted.link);
  if (!isSettled && acrValues) throw new AuthError('LOGIN_DENIED', { reason: 'linked_of_late' });
  return {
    revocationCount: admitted.revocationCount,
    notes: {
      amr: isSettled ? amr : [],
      authTime,
      acr: isSettled ? acr : undefined,
      device: deviceLabel(req.headers['user-agent']),
      delivery,
      keyThumbprint: provenKeyOf(req),
      provider: identity.provider,
      upstream: tokens && (await upstream.seal(tokens, identity.provider)),
    },
    provider: { issuer: identity.issuer, subject: identity.subject, sessionId },
  };
}

/** Emits `login.failed` for a log-in with a provider. Returns the error, to be thrown. */
export function reported(
  { events }: RouterParts,
  req: Request,
  { error, provider }: { readonly error: unknown; readonly provider: string },
): unknown {
  const reason =
    error instanceof AuthError ? (error.reason ?? error.code.toLowerCase()) : 'internal';
  events.emit('login.failed', { reason, userId: undefined, provider, ...requestFacts(req) });
  return error;
}
