import { isRecord } from '../is-record.js';
import { createScript, listOf, type RedisConnection, textsOf } from './redis-connection.js';
import type { StoredUser, UserStore } from './store.js';

/** Milliseconds for which a login stays claimed when a process dies before it stores the user. */
const CLAIM_MS = 10_000;

/** user id, life: claims a login, for good only once the row is there. Returns the owner's id, and whether this call claimed it. */
const claim = createScript(`
local owner = redis.call('GET', KEYS[1])
if owner then return {owner, '0'} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {ARGV[1], '1'}`);

/** user id */
const confirm = createScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PERSIST', KEYS[1])
return 1`);

/** user id */
const release = createScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`);

/** JSON of the row */
const create = createScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'json', ARGV[1], 'version', '0')
return 1`);

/** version, JSON of the row */
const update = createScript(`
local version = redis.call('HGET', KEYS[1], 'version')
if version ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'json', ARGV[2], 'version', string.format('%.0f', tonumber(version) + 1))
return 1`);

const remove = createScript(`
local row = redis.call('HMGET', KEYS[1], 'json', 'version')
redis.call('DEL', KEYS[1])
return row`);

/**
 * A user is one row; each login is a claim on a key of its own, since rows of a cluster live apart. Claims come
 * before the row and are confirmed after it, so that two users never have one login; a claim that is never
 * confirmed ends by itself.
 */
export function redisUsers(connection: RedisConnection): UserStore {
  const { run, send, keyOf } = connection;
  const rowOf = (id: string): string => keyOf('user', id);
  const allUsers = keyOf('users');
  const find = async (id: string): Promise<StoredUser | undefined> =>
    toUser(await send('HMGET', rowOf(id), 'json', 'version'));
  const claims = claimsOf(connection);

  return Object.freeze({
    async findByLogin(login) {
      const reply = await send('GET', keyOf('login', login));
      const user = typeof reply === 'string' ? await find(reply) : undefined;
      return user && loginsOf(user).includes(login) ? user : undefined;
    },
    findById: find,
    async create(user) {
      if (await find(user.id)) return 'taken';
      const claimed = await claims.take(user.id, loginsOf(user));
      if (!claimed) return 'taken';
      // The list comes first, so that no stored user is missing from it; ids without a row are skipped.
      await send('ZADD', allUsers, 0, user.id);
      const isNew = Number(await run(create, rowOf(user.id), toJson(user))) === 1;
      if (isNew && (await claims.confirm(user.id, claimed))) return 'created';
      if (isNew) await run(remove, rowOf(user.id));
      await claims.release(user.id, claimed);
      return 'taken';
    },
    async update(id, { version, now, set }) {
      const row = await find(id);
      if (!row || row.version !== version) return 'stale';
      const changed = { ...row, ...set, updatedAt: now, version: version + 1 };
      const gained = loginsOf(changed).filter((login) => !loginsOf(row).includes(login));
      const claimed = await claims.take(id, gained);
      if (!claimed) return 'taken';
      const isChanged = Number(await run(update, rowOf(id), version, toJson(changed))) === 1;
      if (!isChanged) {
        await claims.release(id, claimed);
        return 'stale';
      }
      await claims.confirm(id, claimed);
      const lost = loginsOf(row).filter((login) => !loginsOf(changed).includes(login));
      await claims.release(id, lost);
      return changed;
    },
    async list({ after, limit }) {
      const from = after === undefined ? '-' : `(${after}`;
      const ids = textsOf(await send('ZRANGE', allUsers, from, '+', 'BYLEX', 'LIMIT', 0, limit));
      const users = await Promise.all(ids.map(find));
      return users.filter((user) => user !== undefined);
    },
    async delete(id) {
      const user = toUser(await run(remove, rowOf(id)));
      await send('ZREM', allUsers, id);
      if (user) await claims.release(id, loginsOf(user));
      return user !== undefined;
    },
  } satisfies UserStore);
}

function claimsOf({ run, keyOf }: RedisConnection) {
  const each = (script: typeof confirm, id: string, logins: readonly string[]) =>
    Promise.all(logins.map((login) => run(script, keyOf('login', login), id)));

  return {
    /** Claims all or none. Returns the logins that were not the user's before; undefined when one is taken. */
    async take(id: string, logins: readonly string[]): Promise<readonly string[] | undefined> {
      const claimed: string[] = [];
      for (const login of logins) {
        // One after the other, so that two requests for the same logins don't claim one each for long.
        // oxlint-disable-next-line no-await-in-loop
        const reply = textsOf(await run(claim, keyOf('login', login), id, CLAIM_MS));
        const [owner, isNew] = reply;
        if (isNew === '1') claimed.push(login);
        else if (owner !== id) {
          // oxlint-disable-next-line no-await-in-loop
          await each(release, id, claimed);
          return undefined;
        }
      }
      return claimed;
    },
    async confirm(id: string, logins: readonly string[]): Promise<boolean> {
      const replies = await each(confirm, id, logins);
      return replies.every((reply) => Number(reply) === 1);
    },
    async release(id: string, logins: readonly string[]): Promise<void> {
      await each(release, id, logins);
    },
  };
}

function loginsOf({ username, email }: Pick<StoredUser, 'username' | 'email'>): readonly string[] {
  return [username, email].filter((login) => login !== undefined);
}

/** Without the version, which is a field of its own. */
function toJson(user: Omit<StoredUser, 'version'>): string {
  return JSON.stringify({ ...user, version: undefined });
}

function toUser(reply: unknown): StoredUser | undefined {
  const [json, version] = listOf(reply);
  if (json === undefined) return undefined;
  const row: unknown = JSON.parse(json);
  if (!isRecord(row)) return undefined;
  return { ...blank, ...row, version: Number(version) };
}

/** JSON leaves out what is undefined. */
const blank: Omit<StoredUser, 'version'> = {
  id: '',
  username: undefined,
  email: undefined,
  emailVerified: false,
  passwordHash: undefined,
  mustResetPassword: false,
  disabled: false,
  roles: [],
  groups: [],
  attributes: {},
  orgs: [],
  createdAt: 0,
  updatedAt: 0,
};
