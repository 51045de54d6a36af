import type {
  CredentialStore,
  InstanceStore,
  OnceStore,
  SessionStore,
  Store,
  UserStore,
} from './store.js';

type Required<Part> = Readonly<
  Record<Exclude<keyof Part & string, 'onRevoked' | 'joined' | 'together'>, true>
>;

const sessions: Required<SessionStore> = {
  create: true,
  get: true,
  rotate: true,
  update: true,
  revoke: true,
  revokedSince: true,
  listByUser: true,
  sweep: true,
};
const once: Required<OnceStore> = { add: true, take: true, incr: true, del: true, sweep: true };
const users: Required<UserStore> = {
  findByLogin: true,
  findById: true,
  create: true,
  update: true,
  list: true,
  delete: true,
};
const credentials: Required<CredentialStore> = {
  create: true,
  findByHash: true,
  listByOwner: true,
  touch: true,
  revoke: true,
};
const instances: Required<InstanceStore> = { report: true, leave: true };

/**
 * Returns a store with these users in place of its own. Throws a TypeError that names every operation of the contract which is
 * missing: a store that was written for an older release would otherwise fail at the first request that needs it.
 */
export function completeStore(store: Store, userStore: UserStore | undefined): Store {
  const missing = [
    ...missingOf('sessions', store.sessions, sessions),
    ...missingOf('once', store.once, once),
    ...(userStore ? [] : missingOf('users', store.users, users)),
    ...missingOf('credentials', store.credentials, credentials),
    ...missingOf('instances', store.instances, instances),
    ...missingOf('', store, { ping: true, close: true }),
  ];
  refuseMissing('the store', missing);
  if (!userStore) return store;
  refuseMissing('`userStore`', missingOf('', userStore, users));
  return {
    sessions: store.sessions,
    once: store.once,
    users: userStore,
    credentials: store.credentials,
    instances: store.instances,
    ping: () => store.ping(),
    ...(store.together && { together: store.together.bind(store) }),
    close: () => store.close(),
  };
}

function missingOf(
  name: string,
  part: unknown,
  operations: Readonly<Record<string, true>>,
): readonly string[] {
  const isPart = typeof part === 'object' && part !== null;
  return Object.keys(operations)
    .filter((operation) => !isPart || typeof Reflect.get(part, operation) !== 'function')
    .map((operation) => (name === '' ? operation : `${name}.${operation}`));
}

function refuseMissing(subject: string, missing: readonly string[]): void {
  if (missing.length === 0) return;
  throw new TypeError(
    `${subject} has no ${missing.join(', ')}: it does not keep the contract of this release, which is the type Store; storeContract() in latchkey/testing tests all of it`,
  );
}
