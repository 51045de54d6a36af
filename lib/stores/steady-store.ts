import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import type { CredentialStore, OnceStore, SessionStore, Store, UserStore } from './store.js';

export interface SteadyStoreOptions {
  readonly events: EventSink;
  /** How long one operation may take. @defaultValue `5000` */
  readonly timeoutMs?: number;
}

/** Runs one operation under its name. */
type Guard = <Result>(operation: string, run: () => Promise<Result>) => Promise<Result>;

/**
 * The same store with honest failures: what it throws, rejects with, or doesn't answer in time becomes
 * STORE_UNAVAILABLE (503) and the event `store.failed`. What was under way may still happen; every caller can be
 * asked again.
 */
export function steadyStore(store: Store, { events, timeoutMs = 5000 }: SteadyStoreOptions): Store {
  const guard: Guard = async (operation, run) => {
    try {
      return await within(timeoutMs, run);
    } catch (cause) {
      if (cause instanceof AuthError) throw cause;
      const reason = cause === tooSlow ? 'timeout' : 'error';
      events.emit('store.failed', { operation, reason });
      throw new AuthError('STORE_UNAVAILABLE', { reason: 'store', cause });
    }
  };
  return Object.freeze({
    sessions: steadySessions(store.sessions, guard),
    once: steadyOnce(store.once, guard),
    users: steadyUsers(store.users, guard),
    credentials: steadyCredentials(store.credentials, guard),
    ping: () => guard('ping', () => store.ping()),
    close: () => store.close(),
  });
}

const tooSlow = new Error('the store did not answer in time');

async function within<Result>(timeoutMs: number, run: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tooSlow), timeoutMs);
    timer.unref();
  });
  try {
    return await Promise.race([run(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function steadySessions(store: SessionStore, guard: Guard): SessionStore {
  return Object.freeze({
    create: (session) => guard('sessions.create', () => store.create(session)),
    get: (id) => guard('sessions.get', () => store.get(id)),
    rotate: (id, rotation) => guard('sessions.rotate', () => store.rotate(id, rotation)),
    update: (id, change) => guard('sessions.update', () => store.update(id, change)),
    revoke: (selector, at) => guard('sessions.revoke', () => store.revoke(selector, at)),
    revokedSince: (time) => guard('sessions.revokedSince', () => store.revokedSince(time)),
    listByUser: (id, now) => guard('sessions.listByUser', () => store.listByUser(id, now)),
    sweep: (before) => guard('sessions.sweep', () => store.sweep(before)),
  } satisfies SessionStore);
}

function steadyOnce(store: OnceStore, guard: Guard): OnceStore {
  return Object.freeze({
    add: (key, value, life) => guard('once.add', () => store.add(key, value, life)),
    take: (key, now) => guard('once.take', () => store.take(key, now)),
    incr: (key, count) => guard('once.incr', () => store.incr(key, count)),
    del: (key) => guard('once.del', () => store.del(key)),
    sweep: (before) => guard('once.sweep', () => store.sweep(before)),
  } satisfies OnceStore);
}

function steadyUsers(store: UserStore, guard: Guard): UserStore {
  return Object.freeze({
    findByLogin: (login) => guard('users.findByLogin', () => store.findByLogin(login)),
    findById: (id) => guard('users.findById', () => store.findById(id)),
    create: (user) => guard('users.create', () => store.create(user)),
    update: (id, change) => guard('users.update', () => store.update(id, change)),
    list: (page) => guard('users.list', () => store.list(page)),
    delete: (id) => guard('users.delete', () => store.delete(id)),
  } satisfies UserStore);
}

function steadyCredentials(store: CredentialStore, guard: Guard): CredentialStore {
  return Object.freeze({
    create: (credential) => guard('credentials.create', () => store.create(credential)),
    findByHash: (hash) => guard('credentials.findByHash', () => store.findByHash(hash)),
    listByOwner: (owner) => guard('credentials.listByOwner', () => store.listByOwner(owner)),
    touch: (id, now) => guard('credentials.touch', () => store.touch(id, now)),
    revoke: (id, now) => guard('credentials.revoke', () => store.revoke(id, now)),
  } satisfies CredentialStore);
}
