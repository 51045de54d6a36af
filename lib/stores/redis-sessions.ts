import { createScript, listOf, type RedisConnection, textsOf } from './redis-connection.js';
import type { Session, SessionSelector, SessionStore } from './store.js';

/** Fields of a session's hash, in the order in which every script returns them. */
const FIELDS = [
  ...['id', 'userId', 'kid', 'salt', 'generation', 'rotatedAt', 'version', 'createdAt'],
  ...['lastUsedAt', 'idleExpiresAt', 'expiresAt', 'revokedAt', 'revokedReason'],
  ...['issuer', 'subject', 'providerSession', 'data'],
] as const;

const ANSWER = `return redis.call('HMGET', KEYS[1], ${FIELDS.map((field) => `'${field}'`).join(', ')})`;

/**
 * Rows expire in Redis a day after they end by their own rules: the server's clock need not be ours. Whether a
 * session lives is decided by the times in the row and the caller's `now` alone.
 */
const KEEP_MS = 86_400_000;

const create = createScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for at = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`);

/** generation, now, idleExpiresAt, kid */
const rotate = createScript(`
local row = redis.call('HMGET', KEYS[1], 'generation', 'revokedAt', 'idleExpiresAt', 'expiresAt')
if not row[1] or row[1] ~= ARGV[1] or row[2] then return false end
local now = tonumber(ARGV[2])
if now >= tonumber(row[3]) or now >= tonumber(row[4]) then return false end
local idle = ARGV[3]
if tonumber(idle) > tonumber(row[4]) then idle = row[4] end
redis.call('HSET', KEYS[1], 'generation', string.format('%.0f', tonumber(row[1]) + 1), 'kid', ARGV[4],
  'rotatedAt', ARGV[2], 'lastUsedAt', ARGV[2], 'idleExpiresAt', idle)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', tonumber(idle) - now + ${KEEP_MS}))
${ANSWER}`);

/** version, lastUsedAt, idleExpiresAt, data, and which of the three are given */
const update = createScript(`
local row = redis.call('HMGET', KEYS[1], 'version', 'revokedAt', 'expiresAt', 'lastUsedAt')
if not row[1] or row[1] ~= ARGV[1] or row[2] then return false end
redis.call('HSET', KEYS[1], 'version', string.format('%.0f', tonumber(row[1]) + 1))
local used = row[4]
if string.find(ARGV[5], 'u') then used = ARGV[2]; redis.call('HSET', KEYS[1], 'lastUsedAt', used) end
if string.find(ARGV[5], 'd') then redis.call('HSET', KEYS[1], 'data', ARGV[4]) end
if string.find(ARGV[5], 'i') then
  local idle = ARGV[3]
  if tonumber(idle) > tonumber(row[3]) then idle = row[3] end
  redis.call('HSET', KEYS[1], 'idleExpiresAt', idle)
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(0, tonumber(idle) - tonumber(used)) + ${KEEP_MS}))
end
${ANSWER}`);

/** now, reason, and a field with the value that it must have; returns whether this call revoked it, and when it was revoked. */
const revoke = createScript(`
local row = redis.call('HMGET', KEYS[1], 'id', 'revokedAt', ARGV[3])
if not row[1] or row[3] ~= ARGV[4] then return false end
if row[2] then return {'0', row[2]} end
redis.call('HSET', KEYS[1], 'revokedAt', ARGV[1], 'revokedReason', ARGV[2])
return {'1', ARGV[1]}`);

/** An entry of an index, which at the same time loses the entries of sessions that are long over. */
const addToIndex = createScript(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
local life = redis.call('PTTL', KEYS[1])
if life < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`);

export function redisSessions(connection: RedisConnection): SessionStore {
  const { keyOf } = connection;
  const rowOf = (id: string): string => keyOf('session', id);

  return Object.freeze({
    async create(session) {
      // The indexes come first: a session must never live where `revoke` cannot find it.
      await Promise.all(
        indexKeys(connection, session).map((key) => addIndexEntry(connection, key, session)),
      );
      const life = session.expiresAt - session.createdAt + KEEP_MS;
      const reply = await connection.run(create, rowOf(session.id), life, ...fieldsOf(session));
      if (Number(reply) !== 1) throw new Error('a session with this id exists');
    },
    get: async (id) => toSession(await connection.send('HMGET', rowOf(id), ...FIELDS)),
    rotate: async (id, { generation, now, idleExpiresAt, kid }) =>
      toSession(await connection.run(rotate, rowOf(id), generation, now, idleExpiresAt, kid)),
    async update(id, { version, lastUsedAt, idleExpiresAt, data }) {
      const given = [
        lastUsedAt === undefined ? '' : 'u',
        idleExpiresAt === undefined ? '' : 'i',
        data === undefined ? '' : 'd',
      ].join('');
      const values = [version, lastUsedAt ?? 0, idleExpiresAt ?? 0, data ?? '', given];
      return toSession(await connection.run(update, rowOf(id), ...values));
    },
    async revoke(selector, at) {
      const { ids, field, value } = await select(connection, selector);
      const outcomes = await Promise.all(
        ids.map(async (id) =>
          (await revokeOne(connection, id, { ...at, field, value })) ? [id] : [],
        ),
      );
      return outcomes.flat();
    },
    ...sessionLists(connection),
  } satisfies SessionStore);
}

function sessionLists(
  connection: RedisConnection,
): Pick<SessionStore, 'revokedSince' | 'listByUser' | 'sweep'> {
  const { keyOf } = connection;
  const revocations = keyOf('revocations');
  return {
    async revokedSince(time, { after, limit = 1000 } = {}) {
      const [from = String(time), seen = ''] = after?.split(' ') ?? [];
      const range = [from, '+inf', 'BYSCORE', 'WITHSCORES'] as const;
      const reply = textsOf(await connection.send('ZRANGE', revocations, ...range));
      return reply
        .flatMap((id, at) => (at % 2 === 0 ? [{ id, revokedAt: Number(reply[at + 1]) }] : []))
        .filter(({ id, revokedAt }) => revokedAt > Number(from) || id > seen)
        .map(({ id, revokedAt }) => ({ id, revokedAt, position: `${revokedAt} ${id}` }))
        .slice(0, limit);
    },
    async listByUser(userId, now, { after, limit = 100 } = {}) {
      const ids = textsOf(await connection.send('ZRANGE', keyOf('user-sessions', userId), 0, -1));
      const rows = await Promise.all(
        ids.map(async (id) =>
          toSession(await connection.send('HMGET', keyOf('session', id), ...FIELDS)),
        ),
      );
      return rows
        .filter((row) => row !== undefined)
        .filter((row) => row.revokedAt === undefined && now < row.idleExpiresAt)
        .filter((row) => now < row.expiresAt)
        .filter((row) => !after || byExpiry(after, row) < 0)
        .toSorted(byExpiry)
        .slice(0, limit);
    },
    // Rows expire by themselves.
    async sweep(before) {
      await connection.send('ZREMRANGEBYSCORE', revocations, '-inf', before);
      return 0;
    },
  };
}

type Listed = Pick<Session, 'id' | 'expiresAt'>;

function byExpiry(a: Listed, b: Listed): number {
  return b.expiresAt - a.expiresAt || (a.id > b.id ? -1 : 1);
}

async function addIndexEntry(
  connection: RedisConnection,
  key: string,
  { id, createdAt, expiresAt }: IndexedSession,
): Promise<void> {
  const life = expiresAt - createdAt + KEEP_MS;
  await connection.run(addToIndex, key, expiresAt, id, createdAt - KEEP_MS, life);
}

async function revokeOne(
  connection: RedisConnection,
  id: string,
  { now, reason, field, value }: RevokeOne,
): Promise<boolean> {
  const { run, send, keyOf } = connection;
  const [revokedHere, revokedAt] = textsOf(
    await run(revoke, keyOf('session', id), now, reason, field, value),
  );
  if (revokedAt === undefined) return false;
  // After the row, and again for one that was revoked before: a retry completes what was cut off here.
  await send('ZADD', keyOf('revocations'), 'NX', revokedAt, id);
  return revokedHere === '1';
}

type IndexedSession = Pick<Session, 'id' | 'userId' | 'provider' | 'createdAt' | 'expiresAt'>;

interface RevokeOne {
  readonly now: number;
  readonly reason: string;
  readonly field: string;
  readonly value: string;
}

function indexKeys(
  { keyOf }: RedisConnection,
  { userId, provider }: IndexedSession,
): readonly string[] {
  const keys = [keyOf('user-sessions', userId)];
  if (!provider) return keys;
  const { issuer, subject, sessionId } = provider;
  keys.push(keyOf('subject-sessions', issuer, subject));
  if (sessionId !== undefined) keys.push(keyOf('provider-sessions', issuer, sessionId));
  return keys;
}

interface Selection {
  readonly ids: readonly string[];
  /** What a selected row has in common, looked at again when it is revoked. */
  readonly field: (typeof FIELDS)[number];
  readonly value: string;
}

async function select(connection: RedisConnection, selector: SessionSelector): Promise<Selection> {
  const { keyOf } = connection;
  const idsIn = async (key: string): Promise<readonly string[]> =>
    textsOf(await connection.send('ZRANGE', key, 0, -1));
  if ('id' in selector) return { ids: [selector.id], field: 'id', value: selector.id };
  if ('userId' in selector) {
    const { userId, except } = selector;
    const ids = await idsIn(keyOf('user-sessions', userId));
    return { ids: ids.filter((id) => id !== except), field: 'userId', value: userId };
  }
  const { issuer, sessionId } = selector;
  if (!('subject' in selector) || sessionId === undefined) {
    const key =
      'subject' in selector
        ? keyOf('subject-sessions', issuer, selector.subject)
        : keyOf('provider-sessions', issuer, selector.sessionId);
    return { ids: await idsIn(key), field: 'issuer', value: issuer };
  }
  const ids = await idsIn(keyOf('provider-sessions', issuer, sessionId));
  return { ids, field: 'subject', value: selector.subject };
}

/** Names and values in turn; what is undefined is not there. */
function fieldsOf(session: Parameters<SessionStore['create']>[0]): readonly string[] {
  const { provider, ...row } = session;
  const { issuer, subject, sessionId: providerSession } = provider ?? {};
  const fields = { ...row, issuer, subject, providerSession, version: 0 };
  return Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [name, String(value)],
  );
}

function toSession(reply: unknown): Session | undefined {
  const values = listOf(reply);
  const row = new Map(FIELDS.map((field, at) => [field, values[at]]));
  const text = (field: (typeof FIELDS)[number]): string => row.get(field) ?? '';
  const number = (field: (typeof FIELDS)[number]): number => Number(row.get(field));
  if (row.get('id') === undefined) return undefined;
  return {
    id: text('id'),
    userId: text('userId'),
    kid: text('kid'),
    salt: text('salt'),
    generation: number('generation'),
    rotatedAt: number('rotatedAt'),
    version: number('version'),
    createdAt: number('createdAt'),
    lastUsedAt: number('lastUsedAt'),
    idleExpiresAt: number('idleExpiresAt'),
    expiresAt: number('expiresAt'),
    revokedAt: row.get('revokedAt') === undefined ? undefined : number('revokedAt'),
    revokedReason: row.get('revokedReason'),
    provider:
      row.get('issuer') === undefined
        ? undefined
        : {
            issuer: text('issuer'),
            subject: text('subject'),
            sessionId: row.get('providerSession'),
          },
    data: text('data'),
  };
}
