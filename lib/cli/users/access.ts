import { unlink } from '../../accounts/identities.js';
import { linksOf } from '../../accounts/identity-links.js';
import type { Session } from '../../stores/store.js';
import { type Desk, endSessions, find, nameOf } from '../desk.js';
import { UsageError } from '../usage-error.js';

const PAGE = 100;

/** A user's live sessions, the one that began last first. */
async function sessionsOf({ store, now }: Desk, userId: string): Promise<readonly Session[]> {
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

export async function listSessions(desk: Desk, _given: object, login: string): Promise<void> {
  const user = await find(desk, login);
  const all = await sessionsOf(desk, user.id);
  if (all.length === 0) desk.print(`${nameOf(user)} has no sessions`);
  for (const { id, createdAt, lastUsedAt } of all)
    desk.print(`${id}  began ${dateOf(createdAt)}  last used ${dateOf(lastUsedAt)}`);
}

export async function endAllSessions(desk: Desk, _given: object, login: string): Promise<void> {
  const user = await find(desk, login);
  desk.print(`${nameOf(user)}: ${await endSessions(desk, user, 'ended_by_admin')}`);
}

export async function listIdentities(desk: Desk, _given: object, login: string): Promise<void> {
  const user = await find(desk, login);
  const links = await linksOf(desk, user.id);
  if (user.passwordHash !== undefined) desk.print('password');
  for (const { provider, subject, linkedAt, lastUsedAt } of links)
    desk.print(
      `${provider}  ${subject}  linked ${dateOf(linkedAt)}  last used ${lastUsedAt === undefined ? '-' : dateOf(lastUsedAt)}`,
    );
  if (user.passwordHash === undefined && links.length === 0)
    desk.print(`${nameOf(user)} has no way to sign in`);
}

/** Removes a provider, and ends all sessions: which of them began with it is not worth a difference here. */
export async function removeIdentity(
  desk: Desk,
  { provider }: { readonly provider?: string | undefined },
  login: string,
): Promise<void> {
  if (provider === undefined) throw new UsageError('users unlink needs --provider');
  const user = await find(desk, login);
  const removed = await unlink(desk, user.id, { provider });
  if (removed.length === 0)
    throw new Error(
      `${nameOf(user)} does not sign in with ${JSON.stringify(provider)}; npx latchkey users identities shows what they have`,
    );
  const ended = await endSessions(desk, user, 'identity_removed');
  desk.print(`removed ${provider} from ${nameOf(user)}; ${ended}`);
}

function dateOf(time: number): string {
  return new Date(time).toISOString();
}
