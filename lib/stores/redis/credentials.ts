import { isRecord } from '../../is-record.js';
import type { RedisConnection } from './connection.js';
import { createChange, listOf, textsOf } from './scripts.js';
import { listedCredentials } from '../listed-credentials.js';
import {
  type CredentialStore,
  KEEP_CREDENTIALS_MS,
  LASTING_KIND,
  type NewCredential,
  type StoredCredential,
} from '../store.js';

/** JSON of the row, life (0: without end) */
const create = createChange(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'json', ARGV[4])
if ARGV[5] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return 1`);

/** JSON of the row as it was, and as it shall be */
const update = createChange(`
if redis.call('HGET', KEYS[1], 'json') ~= ARGV[4] then return 0 end
if redis.call('HEXISTS', KEYS[1], 'revokedAt') == 1 then return -1 end
redis.call('HSET', KEYS[1], 'json', ARGV[5])
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

/** id, life (0: without end) */
const claim = createChange(`
if redis.call('SETNX', KEYS[1], ARGV[4]) == 0 then return 0 end
if ARGV[5] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return 1`);
/** createdAt, id */
const enlist = createChange(`return redis.call('ZADD', KEYS[1], ARGV[4], ARGV[5])`);
/** life: shortens what is left */
const end = createChange(`
local left = redis.call('PTTL', KEYS[1])
if left == -1 or left > tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`);

interface CredentialContext extends RedisConnection {
  readonly rowOf: (id: string) => string;
  readonly hashOf: (hash: string) => string;
  readonly find: (id: string) => Promise<StoredCredential | undefined>;
}

export function redisCredentials(connection: RedisConnection): CredentialStore {
  const { begin, send, keyOf } = connection;
  const rowOf = (id: string): string => keyOf('credential', id);
  const hashOf = (hash: string): string => keyOf('credential-hash', hash);
  const ownerList = (ownerId: string): string => keyOf('owner-credentials', ownerId);
  const resourceList = (resource: string): string => keyOf('resource-credentials', resource);
  const find = async (id: string): Promise<StoredCredential | undefined> =>
    toCredential(await send('HMGET', rowOf(id), 'json', 'lastUsedAt', 'revokedAt'));
  const context = { ...connection, rowOf, hashOf, find };

  return Object.freeze({
    async create(credential) {
      const { id, hash, ownerId, resource, createdAt } = credential;
      const change = begin();
      const row = rowOf(id);
      const life = lifeOf(credential);
      if (Number(await change(create, row, JSON.stringify(credential), life)) !== 1)
        throw new Error('a credential with this id exists');
      const lists = [
        ownerList(ownerId),
        ...(resource === undefined ? [] : [resourceList(resource)]),
      ];
      await Promise.all(lists.map((list) => change(enlist, list, createdAt, id)));
      // Last: whoever is told that the hash is taken finds the credential that has taken it.
      if (Number(await change(claim, hashOf(hash), id, life)) === 1) return;
      await Promise.all(lists.map((list) => send('ZREM', list, id)));
      await send('DEL', row);
      throw new Error('a credential with this hash exists');
    },
    async findByHash(hash) {
      const id = await send('GET', hashOf(hash));
      return typeof id === 'string' ? find(id) : undefined;
    },
    findById: find,
    async listByOwner(ownerId, filter) {
      const rows = await readList(context, ownerList(ownerId));
      return listedCredentials(
        rows.filter((row) => row.ownerId === ownerId),
        filter,
      );
    },
    async listByResource(resource, filter) {
      const rows = await readList(context, resourceList(resource));
      return listedCredentials(
        rows.filter((row) => row.resource === resource),
        filter,
      );
    },
    update: (id, data) => replaceData(context, id, data),
    async touch(id, now) {
      await begin()(touch, rowOf(id), now);
    },
    async revoke(id, now) {
      if (Number(await begin()(revoke, rowOf(id), now)) !== 1) return false;
      // It is revoked, whatever becomes of its end.
      await endSoon(context, id).catch(() => undefined);
      return true;
    },
    // They expire by themselves.
    sweep: async () => 0,
  } satisfies CredentialStore);
}

const READ_AT_ONCE = 500;

async function readList(
  { send, find }: CredentialContext,
  list: string,
): Promise<readonly StoredCredential[]> {
  const ids = textsOf(await send('ZRANGE', list, 0, -1, 'REV'));
  const found: StoredCredential[] = [];
  for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
    const group = ids.slice(from, from + READ_AT_ONCE);
    // One group after the other: the application shares this connection.
    // oxlint-disable-next-line no-await-in-loop
    const rows = await Promise.all(group.map(find));
    found.push(...rows.filter((row) => row !== undefined));
    // It is stored before it is listed: one without a row has expired, or was not created after all.
    const gone = group.filter((_, at) => rows[at] === undefined);
    if (gone.length > 0) send('ZREM', list, ...gone).catch(() => undefined);
  }
  return found;
}

/** The data is a part of the row's JSON, as in older releases. */
async function replaceData(
  { begin, send, rowOf }: CredentialContext,
  id: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<boolean> {
  const change = begin();
  for (;;) {
    // One after the other: each answer says whether there is another attempt.
    // oxlint-disable-next-line no-await-in-loop
    const json = await send('HGET', rowOf(id), 'json');
    const row: unknown = typeof json === 'string' ? JSON.parse(json) : undefined;
    if (typeof json !== 'string' || !isRecord(row) || row['data'] !== from) return false;
    const changed = JSON.stringify({ ...row, data: to });
    // oxlint-disable-next-line no-await-in-loop
    const reply = Number(await change(update, rowOf(id), json, changed));
    if (reply !== 0) return reply === 1;
  }
}

async function endSoon(
  { begin, rowOf, hashOf, find }: CredentialContext,
  id: string,
): Promise<void> {
  const row = await find(id);
  if (!row || row.kind === LASTING_KIND) return;
  const keys = [rowOf(id), hashOf(row.hash)];
  await Promise.all(keys.map((key) => begin()(end, key, KEEP_CREDENTIALS_MS)));
}

/** Milliseconds for which a new credential is kept; 0: without end. */
function lifeOf({ kind, createdAt, expiresAt }: NewCredential): number {
  if (kind === LASTING_KIND || expiresAt === undefined) return 0;
  return Math.max(0, expiresAt - createdAt) + KEEP_CREDENTIALS_MS;
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
    resource: typeof row['resource'] === 'string' ? row['resource'] : undefined,
    data: String(row['data']),
    createdAt: Number(row['createdAt']),
    expiresAt: time(row['expiresAt']),
    lastUsedAt: time(lastUsedAt),
    revokedAt: time(revokedAt),
  };
}
