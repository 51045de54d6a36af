import type { RedisConnection } from './connection.js';
import type { RedisRevocations } from './revocations.js';
import {
  entryOf,
  type ListedSession,
  listOfSelector,
  listsOf,
  readList,
  removeFromLists,
} from './session-lists.js';
import { placeOf, revokeRow, toSession } from './session-rows.js';
import type { SessionSelector } from '../store.js';

/** Sessions that are revoked at once: between two such groups other commands get their turn. */
const GROUP = 64;
/** A session stands in its lists before it has a row, but not for so long. */
const CREATING_MS = 7_200_000;

export interface Revoker {
  readonly connection: RedisConnection;
  readonly revocations: RedisRevocations;
  /** Tells other instances to look for revocations. */
  readonly hint: () => void;
}

interface RevokedAt {
  readonly now: number;
  readonly reason: string;
}

/** Returns the ids of the sessions that this call revoked. */
export async function revokeSessions(
  revoker: Revoker,
  selector: SessionSelector,
  at: RevokedAt,
): Promise<readonly string[]> {
  if ('id' in selector) return revokeGroup(revoker, [selector.id], { ...at, place: 0, values: [] });
  const ended: string[] = [];
  for await (const entries of readList(revoker.connection, listOfSelector(selector))) {
    // One group after the other, however many there are: the application shares this connection, and others this server. A sign-out of
    // very many may so take longer than our patience, which does no harm: all of it was to be revoked.
    for (let from = 0; from < entries.length; from += GROUP) {
      const group = entries.slice(from, from + GROUP);
      // oxlint-disable-next-line no-await-in-loop
      ended.push(...(await revokeListed(revoker, group, { selector, at })));
    }
  }
  return ended;
}

interface Order {
  readonly selector: Exclude<SessionSelector, { id: string }>;
  readonly at: RevokedAt;
}

async function revokeListed(
  revoker: Revoker,
  entries: readonly ListedSession[],
  { selector, at }: Order,
): Promise<readonly string[]> {
  const except = 'userId' in selector ? selector.except : undefined;
  const chosen = entries.filter(({ id }) => id !== except);
  const missing: string[] = [];
  const ended = await revokeGroup(
    revoker,
    chosen.map(({ id }) => id),
    {
      ...at,
      ...conditionOf(selector),
      onMissing: (id) => missing.push(id),
    },
  );
  const gone = chosen.filter(({ id }) => missing.includes(id));
  await forgetGone(revoker.connection, gone, at.now);
  return ended;
}

/** What a row must have in common with the selector beside the list in which it stands. */
function conditionOf(selector: Order['selector']): Pick<RevokeGroup, 'place' | 'values'> {
  if ('userId' in selector) return { place: placeOf('userId'), values: [selector.userId] };
  const { issuer, sessionId } = selector;
  if (!('subject' in selector)) return { place: placeOf('issuer'), values: [issuer] };
  return sessionId === undefined
    ? { place: placeOf('subject'), values: [selector.subject] }
    : { place: placeOf('providerSession'), values: [sessionId, ''] };
}

interface RevokeGroup extends RevokedAt {
  readonly place: number;
  readonly values: readonly string[];
  readonly onMissing?: (id: string) => void;
}

/** Returns the ids of the sessions that this call revoked. */
async function revokeGroup(
  { connection, revocations, hint }: Revoker,
  ids: readonly string[],
  { now, reason, place, values, onMissing }: RevokeGroup,
): Promise<readonly string[]> {
  const change = connection.begin();
  const rows = await Promise.all(
    ids.map(async (id) => {
      const reply = await change(
        revokeRow,
        connection.keyOf('session', id),
        now,
        reason,
        place,
        ...values,
      );
      if (reply === null) onMissing?.(id);
      return Array.isArray(reply) ? toRevoked(id, reply) : undefined;
    }),
  );
  const revoked = rows.filter((row) => row !== undefined);
  const here = revoked.filter(({ isHere }) => isHere);
  const before = revoked.filter(({ isHere }) => !isHere);
  // After the rows, and again for those that were revoked before: a retry completes what was cut off here. They leave the lists last.
  if (here.length > 0) await revocations.announce(here, false);
  if (before.length > 0) await revocations.announce(before, true);
  if (here.length > 0) hint();
  const entries = revoked.flatMap(({ session }) =>
    listsOf(session).map((name) => entryOf(name, session)),
  );
  if (entries.length > 0) await removeFromLists(connection, entries);
  return here.map(({ id }) => id);
}

function toRevoked(id: string, reply: readonly unknown[]) {
  const session = toSession(id, reply[1]);
  if (!session) return undefined;
  return { id, session, isHere: Number(reply[0]) === 1, revokedAt: session.revokedAt ?? 0 };
}

/** Sessions whose rows have expired leave their list. One that is only just listed may get its row yet. */
export async function forgetGone(
  connection: RedisConnection,
  entries: readonly ListedSession[],
  now: number,
): Promise<void> {
  const gone = entries.filter(
    ({ createdAt, expiresAt }) => (createdAt ?? expiresAt) < now - CREATING_MS,
  );
  if (gone.length > 0) await removeFromLists(connection, gone);
}
