import { isRecord } from '../../is-record.js';
import type { RedisConnection } from './connection.js';
import { redisLogins } from './logins.js';
import { createChange, listOf } from './scripts.js';
import type { StoredUser, UserStore } from '../store.js';
import type { IdList } from './id-list.js';
import { redisUserList } from './user-list.js';

/** JSON of the row */
const create = createChange(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'json', ARGV[4], 'version', '0')
return 1`);

/** version, JSON of the row */
const update = createChange(`
local version = redis.call('HGET', KEYS[1], 'version')
if version ~= ARGV[4] then return 0 end
redis.call('HSET', KEYS[1], 'json', ARGV[5], 'version', string.format('%.0f', tonumber(version) + 1))
return 1`);

const remove = createChange(`
local row = redis.call('HMGET', KEYS[1], 'json', 'version')
redis.call('DEL', KEYS[1])
return row`);

/** A user is one row; each login is a key of its own, since rows of a cluster live apart: see `redisLogins`. */
export function redisUsers(connection: RedisConnection): UserStore {
  const { begin, send, keyOf } = connection;
  const rowOf = (id: string): string => keyOf('user', id);
  const list = redisUserList(connection);
  const find = async (id: string): Promise<StoredUser | undefined> =>
    toUser(await send('HMGET', rowOf(id), 'json', 'version'));
  const hasLogin = async (id: string, login: string): Promise<boolean> => {
    const user = await find(id);
    return user !== undefined && loginsOf(user).includes(login);
  };
  const logins = redisLogins(connection, hasLogin);

  return Object.freeze({
    async findByLogin(login) {
      const owner = await logins.ownerOf(login);
      const user = owner === undefined ? undefined : await find(owner);
      return user && loginsOf(user).includes(login) ? user : undefined;
    },
    findById: find,
    async create(user) {
      const change = begin();
      if (await find(user.id)) return 'taken';
      const held = await logins.hold(change, user.id, loginsOf(user));
      if (typeof held === 'string') return 'taken';
      // The list comes first, so that no stored user is missing from it; ids without a row are skipped.
      await list.add(change, user.id);
      const isNew = Number(await change(create, rowOf(user.id), toJson(user))) === 1;
      await held.settle(isNew ? loginsOf(user) : []);
      return isNew ? 'created' : 'taken';
    },
    async update(id, { version, now, set }) {
      const change = begin();
      const row = await find(id);
      if (!row || row.version !== version) return 'stale';
      const changed = { ...row, ...set, updatedAt: now, version: version + 1 };
      const [before, after] = [loginsOf(row), loginsOf(changed)];
      const gained = after.filter((login) => !before.includes(login));
      const lost = before.filter((login) => !after.includes(login));
      const held = await logins.hold(change, id, [...gained, ...lost]);
      if (typeof held === 'string') return held;
      const isChanged = Number(await change(update, rowOf(id), version, toJson(changed))) === 1;
      await held.settle(isChanged ? gained : lost);
      return isChanged ? changed : 'stale';
    },
    list: (page) => listUsers(list, find, page),
    async delete(id) {
      const change = begin();
      const user = toUser(await change(remove, rowOf(id)));
      await list.remove(id);
      if (!user) return false;
      // A login that another operation holds at the moment is settled there, by the row, which is gone.
      await Promise.all(
        loginsOf(user).map(async (login) => {
          const held = await logins.hold(begin(), id, [login]);
          if (typeof held !== 'string') await held.settle([]);
        }),
      );
      return true;
    },
  } satisfies UserStore);
}

async function listUsers(
  list: IdList,
  find: UserStore['findById'],
  { after, limit }: Parameters<UserStore['list']>[0],
): Promise<readonly StoredUser[]> {
  const users: StoredUser[] = [];
  let last = after;
  while (users.length < limit) {
    // oxlint-disable-next-line no-await-in-loop
    const ids = await list.page(last, limit);
    // An id without a row is a user who is being created or was not created after all: no end of the list.
    // oxlint-disable-next-line no-await-in-loop
    const rows = await Promise.all(ids.map(find));
    users.push(...rows.filter((user) => user !== undefined));
    if (ids.length < limit) break;
    last = ids.at(-1);
  }
  return users.slice(0, limit);
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
