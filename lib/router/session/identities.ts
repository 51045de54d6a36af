import type { Request } from 'express';
import { requestFacts } from '../../http/request-facts.js';
import { AuthError } from '../../errors.js';
import type { AuthEvents } from '../../events/auth-events.js';
import type { IdentityLink } from '../../accounts/identity-links.js';
import type { Session, StoredUser } from '../../stores/store.js';
import { requireFreshSignIn } from '../fresh-sign-in.js';
import { type Mail, sendQuietly } from '../password/mail.js';
import type { RouterParts } from '../parts.js';

/** How a user can sign in, as it stands in answers. Times are ISO 8601. */
export interface WaysIn {
  /** Whether there is a password. */
  readonly password: boolean;
  readonly identities: readonly {
    /** Name of the provider. */
    readonly provider: string;
    /** What the provider is called on its button. */
    readonly label: string;
    readonly linked_at: string;
    readonly last_used_at: string | null;
    /** Whether this session began with it. */
    readonly current: boolean;
  }[];
}

/** A user, and the session that speaks for them where it is their own. */
interface Owner {
  readonly user: StoredUser;
  readonly session?: Session | undefined;
}

/** Returns what a user can sign in with, the identity that was linked last first. */
export async function waysInOf(
  { identities, providers, config }: RouterParts,
  { user, session }: Owner,
): Promise<WaysIn> {
  const links = await identities.list(user.id);
  const described = links.map(async ({ provider, linkedAt, lastUsedAt, ...key }) => ({
    provider,
    // A provider may be gone, or its tenant's settings out of reach: its name is enough to remove it.
    label: (await providers.find(provider).catch(() => undefined))?.label ?? provider,
    linked_at: new Date(linkedAt).toISOString(),
    last_used_at: lastUsedAt === undefined ? null : new Date(lastUsedAt).toISOString(),
    current: beganWith(session, key),
  }));
  return {
    password: config.passwordLogin && user.passwordHash !== undefined,
    identities: await Promise.all(described),
  };
}

/**
 * Removes a provider from what a user can sign in with, on their own request, and ends the other sessions that began with it. Tells
 * them by mail. Errors: AUTH_CONTEXT_REQUIRED (401) when the sign-in is not fresh, NOT_FOUND (404), CONFLICT (409) for the last
 * way in, and while another one is being removed.
 */
export async function removeOwnIdentity(
  parts: RouterParts,
  req: Request,
  {
    user,
    session,
    provider,
  }: { readonly user: StoredUser; readonly session: Session; readonly provider: string },
): Promise<void> {
  await requireFreshSignIn(parts, session);
  await oneAtATime(parts, user.id, async () => {
    const links = await parts.identities.list(user.id);
    if (!links.some((link) => link.provider === provider)) throw new AuthError('NOT_FOUND');
    const others = links.filter((link) => link.provider !== provider);
    if (!(await isWayIn(parts, user.id, others)))
      throw new AuthError('CONFLICT', {
        reason: 'last_way_in',
        detail:
          'This is the only way to sign in to this account. Set a password or add another provider first.',
      });
    await unlinkIdentities(parts, req, {
      user,
      which: { provider },
      by: 'request',
      except: session.id,
    });
  });
}

/** Two at once would each count on the other's. */
async function oneAtATime(
  { store: { once }, now }: RouterParts,
  userId: string,
  work: () => Promise<void>,
): Promise<void> {
  const key = `unlinking:${userId}`;
  const life = { now: now(), expiresAt: now() + 30_000 };
  if (!(await once.add(key, '', life)))
    throw new AuthError('CONFLICT', {
      detail: 'Another way to sign in is being removed from this account. Try again in a moment.',
    });
  try {
    await work();
  } finally {
    await once.del(key);
  }
}

/** Whether the account can be signed in to by a password, or by one of the links at a provider that is still there. */
async function isWayIn(
  { users, providers, config }: RouterParts,
  userId: string,
  links: readonly IdentityLink[],
): Promise<boolean> {
  const user = await users.findById(userId);
  if (config.passwordLogin && user?.passwordHash !== undefined) return true;
  const found = await Promise.all(links.map(({ provider }) => providers.find(provider)));
  return found.some((provider) => provider !== undefined);
}

interface Unlinking {
  readonly user: Pick<StoredUser, 'id' | 'email'>;
  readonly which: { readonly provider: string } | 'all';
  readonly by: AuthEvents['identity.unlinked']['by'];
  /** Id of a session that goes on. @defaultValue none */
  readonly except?: string | undefined;
}

/**
 * Removes identities from an account, and tells of each by an event. By itself, and not along with the password or the account, it also ends
 * the sessions that began with them and mails the owner. Returns how many there were. Who may do it is for the caller to judge.
 */
export async function unlinkIdentities(
  parts: RouterParts,
  req: Request,
  { user, which, by, except }: Unlinking,
): Promise<number> {
  const removed = await parts.identities.unlink(user.id, which);
  // With the password or the account, all sessions end.
  const isAlone = by === 'request' || by === 'admin';
  if (isAlone) await endSessionsBy(parts, req, { userId: user.id, links: removed, except });
  for (const link of removed) {
    parts.events.emit('identity.unlinked', {
      userId: user.id,
      provider: link.provider,
      by,
      ...requestFacts(req),
    });
    if (isAlone) mailOwner(parts, { kind: 'identity_removed', user, provider: link.provider });
  }
  return removed.length;
}

const PAGE = 100;

async function endSessionsBy(
  { sessions }: RouterParts,
  req: Request,
  {
    userId,
    links,
    except,
  }: {
    readonly userId: string;
    readonly links: readonly IdentityLink[];
    readonly except: string | undefined;
  },
): Promise<void> {
  const told = { userId, ...requestFacts(req) };
  let after: Session | undefined;
  while (links.length > 0) {
    // One page after the other: the next one begins where this one ends.
    // oxlint-disable-next-line no-await-in-loop
    const page: readonly Session[] = await sessions.list(userId, { after, limit: PAGE });
    const these = page.filter(
      (session) => session.id !== except && links.some((link) => beganWith(session, link)),
    );
    // oxlint-disable-next-line no-await-in-loop
    await Promise.all(these.map(({ id }) => sessions.revoke({ id }, 'identity_removed', told)));
    after = page.at(-1);
    if (page.length < PAGE) return;
  }
}

function beganWith(
  session: Session | undefined,
  { issuer, subject }: Pick<IdentityLink, 'issuer' | 'subject'>,
): boolean {
  const { provider } = session ?? {};
  return provider?.issuer === issuer && provider.subject === subject;
}

/** Mails the owner of an account that a way to sign in was added or removed. After the reply. */
export function mailOwner(
  { sendMail, providers, events, inBackground }: RouterParts,
  {
    kind,
    user,
    provider,
  }: {
    readonly kind: 'identity_added' | 'identity_removed';
    readonly user: Pick<StoredUser, 'id' | 'email'>;
    readonly provider: string;
  },
): void {
  const { id: userId, email: to } = user;
  if (!sendMail || to === undefined) return;
  const label = providers.find(provider).then(
    (found) => found?.label ?? provider,
    () => provider,
  );
  const send = async (): Promise<void> => {
    const mail: Mail = { kind, to, data: { userId, provider, label: await label } };
    await sendQuietly(sendMail, mail, events);
  };
  inBackground(send());
}
