import { createHash } from 'node:crypto';
import type { Change, RedisConnection } from './connection.js';
import { createChange, textsOf } from './scripts.js';
import { KEEP_MS } from './session-rows.js';
import type { Session, SessionSelector } from '../store.js';

/** Whose sessions a list holds: a kind and names, as `keyOf` takes them. */
type ListName = readonly [
  kind: 'user-sessions' | 'subject-sessions' | 'provider-sessions',
  ...names: string[],
];

export interface ListedSession {
  readonly id: string;
  readonly expiresAt: number;
  /** To the hour. Undefined in the lists of older releases. */
  readonly createdAt: number | undefined;
  /** In which list it stands, and as what. */
  readonly name: ListName;
  readonly member: string;
}

type Listable = Pick<Session, 'id' | 'userId' | 'provider' | 'createdAt' | 'expiresAt'>;

/**
 * Lists share keys: one for each would cost more than what it holds. Members begin with the list that they belong to; since all scores are
 * equal, Redis keeps them in the order of their bytes, those of one list together.
 */
const BUCKETS = 16_384;
/** Sessions that are looked at when a list gets another one, to forget those that ended by themselves. */
const LOOKED_AT = 3;
const CHUNK = 500;
const HOUR_MS = 3_600_000;

/** member, time before which sessions are long over, life */
const add = createChange(`
for _, member in ipairs(redis.call('ZRANDMEMBER', KEYS[1], ${LOOKED_AT}) or {}) do
  local expiresAt = tonumber(string.sub(member, 9, 17), 36)
  if expiresAt and expiresAt < tonumber(ARGV[5]) then redis.call('ZREM', KEYS[1], member) end
end
redis.call('ZADD', KEYS[1], 0, ARGV[4])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[6]) then redis.call('PEXPIRE', KEYS[1], ARGV[6]) end
return 1`);

/** The same in a list of releases 0.2 to 0.4, until they are gone: expiresAt, id, time, life */
const addOld = createChange(`
if isCompact then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[6])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[5])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[7]) then redis.call('PEXPIRE', KEYS[1], ARGV[7]) end
return 1`);

/** members */
const remove = createChange(`
for at = 4, #ARGV do redis.call('ZREM', KEYS[1], ARGV[at]) end
return 1`);

/** All the lists that a session stands in. */
export function listsOf({ userId, provider }: Pick<Listable, 'userId' | 'provider'>): ListName[] {
  const lists: ListName[] = [['user-sessions', userId]];
  if (!provider) return lists;
  const { issuer, subject, sessionId } = provider;
  lists.push(['subject-sessions', issuer, subject]);
  if (sessionId !== undefined) lists.push(['provider-sessions', issuer, sessionId]);
  return lists;
}

/** The list that holds every session that a selector may mean. */
export function listOfSelector(selector: Exclude<SessionSelector, { id: string }>): ListName {
  if ('userId' in selector) return ['user-sessions', selector.userId];
  const { issuer } = selector;
  return 'subject' in selector
    ? ['subject-sessions', issuer, selector.subject]
    : ['provider-sessions', issuer, selector.sessionId];
}

/** Adds a session to its lists. */
export async function addToLists(
  connection: RedisConnection,
  change: Change,
  session: Listable,
): Promise<void> {
  const { id, createdAt, expiresAt } = session;
  const [over, life] = [createdAt - KEEP_MS, Math.max(1, expiresAt - createdAt + KEEP_MS)];
  const isMixed = await connection.schema.isMixed();
  await Promise.all(
    listsOf(session).flatMap((name) => [
      change(add, bucketOf(connection, name), memberOf(name, session), over, life),
      ...(isMixed ? [change(addOld, connection.keyOf(...name), expiresAt, id, over, life)] : []),
    ]),
  );
}

/** Removes sessions that have ended from lists: at most some hundred entries a call. */
export async function removeFromLists(
  connection: RedisConnection,
  entries: readonly Pick<ListedSession, 'id' | 'name' | 'member'>[],
): Promise<void> {
  const isMixed = await connection.schema.isMixed();
  const byKey = new Map<string, string[]>();
  const put = (key: string, member: string): void => {
    const members = byKey.get(key) ?? [];
    members.push(member);
    byKey.set(key, members);
  };
  for (const { id, name, member } of entries) {
    put(bucketOf(connection, name), member);
    if (isMixed) put(connection.keyOf(...name), id);
  }
  const change = connection.begin();
  await Promise.all([...byKey].map(([key, members]) => change(remove, key, ...members)));
}

/** The entry that a session has in a list. */
export function entryOf(name: ListName, session: Listable): ListedSession {
  const { id, expiresAt, createdAt } = session;
  return { id, expiresAt, createdAt, name, member: memberOf(name, session) };
}

/** A list, a few hundred sessions at a time, the one that expires last first; those after `after` only. */
export async function* readList(
  connection: RedisConnection,
  name: ListName,
  after?: Pick<Session, 'id' | 'expiresAt'>,
): AsyncGenerator<readonly ListedSession[]> {
  if (await connection.schema.isMixed()) {
    const all = [...(await readOld(connection, name))];
    for await (const chunk of read(name)) all.push(...chunk);
    yield* chunksOf(all, after);
    return;
  }
  yield* read(name, after);

  async function* read(
    list: ListName,
    from?: Pick<Session, 'id' | 'expiresAt'>,
  ): AsyncGenerator<readonly ListedSession[]> {
    const prefix = prefixOf(list);
    let max = from ? `(${prefix}${base36(from.expiresAt, 9)}${from.id}` : `(${prefix}~`;
    for (;;) {
      const range = [max, `[${prefix}`, 'BYLEX', 'REV', 'LIMIT', 0, CHUNK] as const;
      // oxlint-disable-next-line no-await-in-loop
      const members = textsOf(
        await connection.send('ZRANGE', bucketOf(connection, list), ...range),
      );
      if (members.length > 0) yield members.map((member) => toEntry(list, member));
      if (members.length < CHUNK) return;
      max = `(${members.at(-1) ?? ''}`;
    }
  }
}

async function readOld(connection: RedisConnection, name: ListName): Promise<ListedSession[]> {
  const range = [0, -1, 'WITHSCORES'] as const;
  const reply = textsOf(await connection.send('ZRANGE', connection.keyOf(...name), ...range));
  return reply.flatMap((id, at) => {
    const expiresAt = Number(reply[at + 1]);
    const entry = { id, expiresAt, createdAt: undefined, name };
    return at % 2 === 0 ? [{ ...entry, member: memberOf(name, { ...entry, createdAt: 0 }) }] : [];
  });
}

function* chunksOf(
  entries: readonly ListedSession[],
  after?: Pick<Session, 'id' | 'expiresAt'>,
): Generator<readonly ListedSession[]> {
  // A session that stands in both lists counts once, as the later entry says, which is ours.
  const sorted = [...new Map(entries.map((entry) => [entry.id, entry])).values()]
    .filter((entry) => !after || byExpiry(after, entry) < 0)
    .toSorted(byExpiry);
  for (let at = 0; at < sorted.length; at += CHUNK) yield sorted.slice(at, at + CHUNK);
}

export function byExpiry(
  a: Pick<Session, 'id' | 'expiresAt'>,
  b: Pick<Session, 'id' | 'expiresAt'>,
): number {
  return b.expiresAt - a.expiresAt || (a.id > b.id ? -1 : Number(a.id < b.id));
}

/** Eight characters of a digest: names may be long, and a row says for itself whose it is. */
function prefixOf(name: ListName): string {
  return digestOf(name).toString('base64url', 0, 6);
}

function bucketOf({ keyOf }: RedisConnection, name: ListName): string {
  return keyOf('lists', (digestOf(name).readUInt32BE(6) % BUCKETS).toString(36));
}

function digestOf(name: ListName): Buffer {
  return createHash('sha256').update(JSON.stringify(name)).digest();
}

/** The list, the end of the session (9 digits), its id, NUL, and the hour of its beginning (4 digits): short, for there are many. */
function memberOf(
  name: ListName,
  { id, expiresAt, createdAt }: Pick<Listable, 'id' | 'expiresAt' | 'createdAt'>,
): string {
  return `${prefixOf(name)}${base36(expiresAt, 9)}${id}\0${base36(createdAt / HOUR_MS, 4)}`;
}

function toEntry(name: ListName, member: string): ListedSession {
  return {
    id: member.slice(17, -5),
    expiresAt: Number.parseInt(member.slice(8, 17), 36),
    createdAt: Number.parseInt(member.slice(-4), 36) * HOUR_MS,
    name,
    member,
  };
}

function base36(value: number, digits: number): string {
  return Math.max(0, Math.floor(value)).toString(36).padStart(digits, '0').slice(-digits);
}
