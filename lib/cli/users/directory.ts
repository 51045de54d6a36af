import { availableParallelism } from 'node:os';
import { createPasswords, type Passwords } from '../../accounts/passwords/passwords.js';
import { createRevocationCounts, type RevocationCounts } from '../../accounts/revocation-counts.js';
import { createUsers, type Users } from '../../accounts/users.js';
import type { IdentityLink } from '../../accounts/identity-links.js';
import type { AuthEvents } from '../../events/auth-events.js';
import type { Store, StoredUser } from '../../stores/store.js';
import type { OpenedStore } from '../opened-store.js';

/** The users of a store, and what changes them. */
export interface Directory extends OpenedStore {
  readonly credentials: Store['credentials'];
  readonly counts: RevocationCounts;
  readonly users: Users;
  readonly passwords: Passwords;
}

export function openDirectory(opened: OpenedStore): Directory {
  const { store, events, now } = opened;
  return {
    ...opened,
    credentials: store.credentials,
    counts: createRevocationCounts(store.once, now),
    users: createUsers({ store: store.users, now }),
    passwords: createPasswords({}, { events, cores: availableParallelism() }),
  };
}

/** By login, else by id, which is what logs and tokens name a user by. */
export async function find({ users, hint }: Directory, login: string): Promise<StoredUser> {
  const user = (await users.findByLogin(login)) ?? (await users.findById(login));
  if (user) return user;
  throw new Error(
    `there is no user ${JSON.stringify(login)}; ${hint('users list')} shows all of them`,
  );
}

export function nameOf({ username, email, id }: StoredUser): string {
  return username ?? email ?? id;
}

/** Ends all sessions of a user. Returns how many, in words. */
export async function endSessions(
  { store, counts, events, now }: Directory,
  { id: userId }: StoredUser,
  reason: string,
): Promise<string> {
  const selector = { userId };
  // As the application does it: a sign-in that is under way notices the count, and begins no session.
  await counts.add(selector);
  const ended = await store.sessions.revoke(selector, { now: now(), reason });
  for (const sessionId of ended) events.emit('session.revoked', { sessionId, userId, reason });
  return ended.length === 1 ? '1 session ended' : `${ended.length} sessions ended`;
}

/** Tells of a change, as the routes for administrators do. Who made it is known to the operating system alone. */
export function tell(
  { events }: Directory,
  { id: userId }: StoredUser,
  change: Pick<AuthEvents['user.changed'], 'change' | 'fields'>,
): void {
  events.emit('user.changed', { userId, by: undefined, ...change });
}

export function tellUnlinked(
  { events }: Directory,
  links: readonly IdentityLink[],
  { userId, by }: Pick<AuthEvents['identity.unlinked'], 'userId' | 'by'>,
): void {
  for (const { provider } of links) events.emit('identity.unlinked', { userId, provider, by });
}
