import type { CredentialStore, OnceStore, SessionStore, Store, UserStore } from './store.js';

/**
 * Runs one operation of a store. `operation` is its name, such as `sessions.rotate`; `run` performs it on the store
 * that it is given.
 */
export type Around = <Result>(
  operation: string,
  run: (store: Store) => Promise<Result>,
) => Promise<Result>;

/** Makes a store of which every operation goes through `around`. Closing is left to the caller. */
export function wrapStore(around: Around): Omit<Store, 'close'> {
  return {
    sessions: wrapSessions(around),
    once: wrapOnce(around),
    users: wrapUsers(around),
    credentials: wrapCredentials(around),
    ping: () => around('ping', (store) => store.ping()),
  };
}

function wrapSessions(around: Around): SessionStore {
  return Object.freeze({
    create: (session) => around('sessions.create', ({ sessions }) => sessions.create(session)),
    get: (id) => around('sessions.get', ({ sessions }) => sessions.get(id)),
    rotate: (id, rotation) =>
      around('sessions.rotate', ({ sessions }) => sessions.rotate(id, rotation)),
    update: (id, change) =>
      around('sessions.update', ({ sessions }) => sessions.update(id, change)),
    revoke: (selector, at) =>
      around('sessions.revoke', ({ sessions }) => sessions.revoke(selector, at)),
    revokedSince: (time) =>
      around('sessions.revokedSince', ({ sessions }) => sessions.revokedSince(time)),
    listByUser: (userId, now) =>
      around('sessions.listByUser', ({ sessions }) => sessions.listByUser(userId, now)),
    sweep: (before) => around('sessions.sweep', ({ sessions }) => sessions.sweep(before)),
  } satisfies SessionStore);
}

function wrapOnce(around: Around): OnceStore {
  return Object.freeze({
    add: (key, value, life) => around('once.add', ({ once }) => once.add(key, value, life)),
    take: (key, now) => around('once.take', ({ once }) => once.take(key, now)),
    incr: (key, count) => around('once.incr', ({ once }) => once.incr(key, count)),
    del: (key) => around('once.del', ({ once }) => once.del(key)),
    sweep: (before) => around('once.sweep', ({ once }) => once.sweep(before)),
  } satisfies OnceStore);
}

function wrapUsers(around: Around): UserStore {
  return Object.freeze({
    findByLogin: (login) => around('users.findByLogin', ({ users }) => users.findByLogin(login)),
    findById: (id) => around('users.findById', ({ users }) => users.findById(id)),
    create: (user) => around('users.create', ({ users }) => users.create(user)),
    update: (id, change) => around('users.update', ({ users }) => users.update(id, change)),
    list: (page) => around('users.list', ({ users }) => users.list(page)),
    delete: (id) => around('users.delete', ({ users }) => users.delete(id)),
  } satisfies UserStore);
}

function wrapCredentials(around: Around): CredentialStore {
  return Object.freeze({
    create: (credential) =>
      around('credentials.create', ({ credentials }) => credentials.create(credential)),
    findByHash: (hash) =>
      around('credentials.findByHash', ({ credentials }) => credentials.findByHash(hash)),
    listByOwner: (ownerId) =>
      around('credentials.listByOwner', ({ credentials }) => credentials.listByOwner(ownerId)),
    touch: (id, now) =>
      around('credentials.touch', ({ credentials }) => credentials.touch(id, now)),
    revoke: (id, now) =>
      around('credentials.revoke', ({ credentials }) => credentials.revoke(id, now)),
  } satisfies CredentialStore);
}
