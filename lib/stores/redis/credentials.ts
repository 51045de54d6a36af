import { isRecord } from '../../is-record.js';
import type { RedisConnection } from './connection.js';
import { createChange, listOf, textsOf } from './scripts.js';
import type { CredentialStore, StoredCredential } from '../store.js';

/** JSON of the row */
const create = createChange(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'json', ARGV[4])
return 1`);

/** now */
const touch = createChange(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local used = redis.call('HGET', KEYS[1], 'lastUsedAt')
if not used or tonumber(used) < tonumber(ARGV[4]) then redis.call('HSET', KEYS[1], 'lastUsedAt', ARGV[4]) end
return 1`);

/** now */
const revoke = createChange(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HSETNX', KEYS[1], 'revokedAt', ARGV[4])`);

/** id */
const claim = createChange(`return redis.call('SETNX', KEYS[1], ARGV[4])`);
/** createdAt, id */
const enlist = createChange(`return redis.call('ZADD', KEYS[1], ARGV[4], ARGV[5])`);

export function redisCredentials({ begin, send, keyOf }: RedisConnection): CredentialStore {
  const rowOf = (id: string): string => keyOf('credential', id);
  const find = async (id: string): Promise<StoredCredential | undefined> =>
    toCredential(await send('HMGET', rowOf(id), 'json', 'lastUsedAt', 'revokedAt'));
  return Object.freeze({
    async create(credential) {
      const { id, hash, ownerId, createdAt } = credential;
      const change = begin();
      const row = rowOf(id);
      if (Number(await change(create, row, JSON.stringify(credential))) !== 1)
        throw new Error('a credential with this id exists');
      const list = keyOf('owner-credentials', ownerId);
      await change(enlist, list, createdAt, id);
      // Last: whoever is told that the hash is taken finds the credential that has taken it.
      if (Number(await change(claim, keyOf('credential-hash', hash), id)) === 1) return;
      await send('ZREM', list, id);
      await send('DEL', row);
      throw new Error('a credential with this hash exists');
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
      await begin()(touch, rowOf(id), now);
    },
    revoke: async (id, now) => Number(await begin()(revoke, rowOf(id), now)) === 1,
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
