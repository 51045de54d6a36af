import { isRecord } from '../is-record.js';
import { createScript, listOf, type RedisConnection, textsOf } from './redis-connection.js';
import type { CredentialStore, StoredCredential } from './store.js';

/** JSON of the row */
const create = createScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'json', ARGV[1])
return 1`);

/** now */
const touch = createScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local used = redis.call('HGET', KEYS[1], 'lastUsedAt')
if not used or tonumber(used) < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'lastUsedAt', ARGV[1]) end
return 1`);

/** now */
const revoke = createScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HSETNX', KEYS[1], 'revokedAt', ARGV[1])`);

export function redisCredentials({ run, send, keyOf }: RedisConnection): CredentialStore {
  const rowOf = (id: string): string => keyOf('credential', id);
  const find = async (id: string): Promise<StoredCredential | undefined> =>
    toCredential(await send('HMGET', rowOf(id), 'json', 'lastUsedAt', 'revokedAt'));
  return Object.freeze({
    async create(credential) {
      const { id, hash, ownerId, createdAt } = credential;
      const isFree = await send('SET', keyOf('credential-hash', hash), id, 'NX');
      if (isFree !== 'OK') throw new Error('a credential with this hash exists');
      await send('ZADD', keyOf('owner-credentials', ownerId), createdAt, id);
      if (Number(await run(create, rowOf(id), JSON.stringify(credential))) === 1) return;
      await send('DEL', keyOf('credential-hash', hash));
      throw new Error('a credential with this id exists');
    },
    async findByHash(hash) {
      const id = await send('GET', keyOf('credential-hash', hash));
      return typeof id === 'string' ? find(id) : undefined;
    },
    async listByOwner(ownerId) {
      const ids = textsOf(await send('ZRANGE', keyOf('owner-credentials', ownerId), 0, -1, 'REV'));
      const rows = await Promise.all(ids.map(find));
      return rows.filter((row) => row !== undefined).filter((row) => row.ownerId === ownerId);
    },
    async touch(id, now) {
      await run(touch, rowOf(id), now);
    },
    revoke: async (id, now) => Number(await run(revoke, rowOf(id), now)) === 1,
  } satisfies CredentialStore);
}

function toCredential(reply: unknown): StoredCredential | undefined {
  const [json, lastUsedAt, revokedAt] = listOf(reply);
  const row: unknown = json === undefined ? undefined : JSON.parse(json);
  if (!isRecord(row)) return undefined;
  const time = (value: unknown): number | undefined =>
    value === undefined ? undefined : Number(value);
  return {
    id: String(row['id']),
    hash: String(row['hash']),
    kind: String(row['kind']),
    ownerId: String(row['ownerId']),
    data: String(row['data']),
    createdAt: Number(row['createdAt']),
    expiresAt: time(row['expiresAt']),
    lastUsedAt: time(lastUsedAt),
    revokedAt: time(revokedAt),
  };
}
