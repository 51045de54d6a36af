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
import type { StoredUser } from '../../stores/store.js';
import type { RouterParts } from '../parts.js';

interface Admission extends Pick<Proof['signedIn'], 'identity' | 'tokens'> {
  readonly linkTo?: string | undefined;
}

/** Finds the account of a user who has signed in with a provider, or makes one. */
export async function admitIdentity(
  { identities, events }: RouterParts,
  req: Request,
  { identity, linkTo, tokens }: Admission,
): Promise<StoredUser> {
  noteAccess(
    identity,
    redact({ accessToken: tokens?.accessToken }, () => true),
  );
  const { user, linkedBy }: SignedInUser =
    linkTo === undefined
      ? await identities.signIn(identity)
      : await identities.link(identity, linkTo);
  if (linkedBy !== undefined)
    events.emit('identity.linked', {
      userId: user.id,
      provider: identity.provider,
      by: linkedBy,
      ...requestFacts(req),
    });
  return user;
}

interface Proof {
  /** Without `tokens` where the provider has handed out none that are of use. */
  readonly signedIn: Omit<ProviderSignIn, 'tokens'> & Partial<Pick<ProviderSignIn, 'tokens'>>;
  readonly user: StoredUser;
  readonly delivery: SessionNotes['delivery'];
}

/** Returns what is noted of a sign-in with a provider, its tokens sealed among it. */
export async function providerSessionFacts(
  { upstream, sessions }: RouterParts,
  req: Request,
  { signedIn, user, delivery }: Proof,
): Promise<ProvenSignIn> {
  const { identity, sessionId, authTime, acr, amr, tokens } = signedIn;
  const provider = { issuer: identity.issuer, subject: identity.subject, sessionId };
  return {
    revocationCount: await sessions.revocationCount(user.id, provider),
    notes: {
      amr,
      authTime,
      acr,
      device: deviceLabel(req.headers['user-agent']),
      delivery,
      provider: identity.provider,
      upstream: tokens && (await upstream.seal(tokens, identity.provider)),
    },
    provider,
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
