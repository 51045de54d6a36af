import type { CredentialStore, OnceStore, SessionStore, Store, UserStore } from './store.js';

/** Opens a store at its first use, and again at the next one when that failed. */
export function lazyStore(open: () => Promise<Store>): Store {
  let opening: Promise<Store> | undefined;
  let isClosed = false;

  function opened(): Promise<Store> {
    if (isClosed) return Promise.reject(new Error('the store has been closed'));
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  const sessions = async (): Promise<SessionStore> => (await opened()).sessions;
  const once = async (): Promise<OnceStore> => (await opened()).once;
  const users = async (): Promise<UserStore> => (await opened()).users;
  const credentials = async (): Promise<CredentialStore> => (await opened()).credentials;
  return Object.freeze({
    sessions: lazySessions(sessions),
    once: lazyOnce(once),
    users: lazyUsers(users),
    credentials: lazyCredentials(credentials),
    ping: async () => (await opened()).ping(),
    async close(): Promise<void> {
      isClosed = true;
      // A store that is just being opened is closed as soon as it is there.
      const store = await opening?.catch(() => undefined);
      await store?.close();
    },
  });
}

function lazySessions(store: () => Promise<SessionStore>): SessionStore {
  return Object.freeze({
    create: async (session) => (await store()).create(session),
    get: async (id) => (await store()).get(id),
    rotate: async (id, rotation) => (await store()).rotate(id, rotation),
    update: async (id, change) => (await store()).update(id, change),
    revoke: async (selector, at) => (await store()).revoke(selector, at),
    revokedSince: async (time) => (await store()).revokedSince(time),
    listByUser: async (userId, now) => (await store()).listByUser(userId, now),
    sweep: async (before) => (await store()).sweep(before),
  } satisfies SessionStore);
}

function lazyOnce(store: () => Promise<OnceStore>): OnceStore {
  return Object.freeze({
    add: async (key, value, life) => (await store()).add(key, value, life),
    take: async (key, now) => (await store()).take(key, now),
    incr: async (key, count) => (await store()).incr(key, count),
    del: async (key) => (await store()).del(key),
    sweep: async (before) => (await store()).sweep(before),
  } satisfies OnceStore);
}

function lazyUsers(store: () => Promise<UserStore>): UserStore {
  return Object.freeze({
    findByLogin: async (login) => (await store()).findByLogin(login),
    findById: async (id) => (await store()).findById(id),
    create: async (user) => (await store()).create(user),
    update: async (id, change) => (await store()).update(id, change),
    list: async (page) => (await store()).list(page),
    delete: async (id) => (await store()).delete(id),
  } satisfies UserStore);
}

function lazyCredentials(store: () => Promise<CredentialStore>): CredentialStore {
  return Object.freeze({
    create: async (credential) => (await store()).create(credential),
    findByHash: async (hash) => (await store()).findByHash(hash),
    listByOwner: async (ownerId) => (await store()).listByOwner(ownerId),
    touch: async (id, now) => (await store()).touch(id, now),
    revoke: async (id, now) => (await store()).revoke(id, now),
  } satisfies CredentialStore);
}
