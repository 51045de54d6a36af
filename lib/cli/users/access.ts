import { unlink } from '../../accounts/identities.js';
import { linksOf } from '../../accounts/identity-links.js';
import type { Session } from '../../stores/store.js';
import { type Directory, endSessions, find, nameOf, tell, tellUnlinked } from './directory.js';
import type { Given } from './options.js';
import { UsageError } from '../usage-error.js';

const PAGE = 100;

/** A user's live sessions, the one that began last first. */
async function sessionsOf({ store, now }: Directory, userId: string): Promise<readonly Session[]> {
  const all: Session[] = [];
  for (;;) {
    const after = all.at(-1);
    // One page after the other: the next one begins where this one ends.
    // oxlint-disable-next-line no-await-in-loop
    const page = await store.sessions.listByUser(userId, now(), { after, limit: PAGE });
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

export async function listSessions(
  directory: Directory,
  _given: Given,
  login: string,
): Promise<void> {
  const user = await find(directory, login);
  const all = await sessionsOf(directory, user.id);
  if (all.length === 0) directory.print(`${nameOf(user)} has no sessions`);
  for (const { id, createdAt, lastUsedAt } of all)
    directory.print(`${id}  began ${dateOf(createdAt)}  last used ${dateOf(lastUsedAt)}`);
}

export async function endAllSessions(
  directory: Directory,
  _given: Given,
  login: string,
): Promise<void> {
  const user = await find(directory, login);
  const ended = await endSessions(directory, user, 'ended_by_admin');
  tell(directory, user, { change: 'sessions_ended' });
  directory.print(`${nameOf(user)}: ${ended}`);
}

export async function listIdentities(
  directory: Directory,
  _given: Given,
  login: string,
): Promise<void> {
  const user = await find(directory, login);
  const links = await linksOf(directory, user.id);
  if (user.passwordHash !== undefined) directory.print('password');
  for (const { provider, subject, linkedAt, lastUsedAt } of links)
    directory.print(
      `${provider}  ${subject}  linked ${dateOf(linkedAt)}  last used ${lastUsedAt === undefined ? '-' : dateOf(lastUsedAt)}`,
    );
  if (user.passwordHash === undefined && links.length === 0)
    directory.print(`${nameOf(user)} has no way to sign in`);
}

/** Removes a provider, and ends all sessions: which of them began with it is not worth a difference here. */
export async function removeIdentity(
  directory: Directory,
  { provider }: Given,
  login: string,
): Promise<void> {
  if (provider === undefined) throw new UsageError('users unlink needs --provider');
  const user = await find(directory, login);
  const removed = await unlink(directory, user.id, { provider });
  if (removed.length === 0)
    throw new Error(
      `${nameOf(user)} does not sign in with ${JSON.stringify(provider)}; ${directory.hint(`users identities ${login}`)} shows what they have`,
    );
  tellUnlinked(directory, removed, { userId: user.id, by: 'admin' });
  const ended = await endSessions(directory, user, 'identity_removed');
  tell(directory, user, { change: 'identity_removed' });
  directory.print(`removed ${provider} from ${nameOf(user)}; ${ended}`);
}

function dateOf(time: number): string {
  return new Date(time).toISOString();
}
