import type { OrgStore } from './org-store.js';
import { StoreFailure } from './failures/store-failure.js';
import type {
  CredentialStore,
  InstanceStore,
  OnceStore,
  SessionStore,
  Store,
  UserStore,
} from './store.js';

type Required<Part> = Readonly<
  Record<Exclude<keyof Part & string, 'onRevoked' | 'joined' | 'together' | 'replaceRoles'>, true>
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
const credentials: Required<Omit<CredentialStore, keyof typeof laterCredentials>> = {
  create: true,
  findByHash: true,
  listByOwner: true,
  touch: true,
  revoke: true,
};
const instances: Required<InstanceStore> = { report: true, leave: true };

/** Since release 0.7. A store that was written before goes on, for applications that need none of them. */
const laterCredentials = {
  findById: true,
  listByResource: true,
  update: true,
  sweep: true,
} as const;
const orgs: Required<OrgStore> = {
  create: true,
  get: true,
  update: true,
  delete: true,
  list: true,
  addMember: true,
  setRoles: true,
  removeMember: true,
  getMember: true,
  membersOf: true,
  membershipsOf: true,
};

/**
 * Returns a store with these users in place of its own. Throws a TypeError that names every operation of the contract which is
 * missing: a store that was written for an older release would otherwise fail at the first request that needs it. What came with
 * release 0.7 may be missing as a whole: then it rejects when it is used.
 */
export function completeStore(store: Store, userStore: UserStore | undefined): Store {
  const missing = [
    ...missingOf('sessions', store.sessions, sessions),
    ...missingOf('once', store.once, once),
    ...(userStore ? [] : missingOf('users', store.users, users)),
    ...missingOf('credentials', store.credentials, credentials),
    ...missingOfLater('credentials', store.credentials, laterCredentials),
    ...missingOfLater('orgs', store.orgs, orgs),
    ...missingOf('instances', store.instances, instances),
    ...missingOf('', store, { ping: true, close: true }),
  ];
  refuseMissing('the store', missing);
  if (userStore) refuseMissing('`userStore`', missingOf('', userStore, users));
  return {
    sessions: store.sessions,
    once: store.once,
    users: userStore ?? store.users,
    credentials: hasSome(store.credentials, laterCredentials)
      ? store.credentials
      : olderCredentials(store.credentials),
    orgs: hasSome(store.orgs, orgs) ? store.orgs : noOrgs,
    instances: store.instances,
    ping: () => store.ping(),
    ...(store.together && { together: store.together.bind(store) }),
    close: () => store.close(),
  };
}

function hasSome(part: unknown, operations: Readonly<Record<string, true>>): boolean {
  return missingOf('', part, operations).length < Object.keys(operations).length;
}

function missingOfLater(
  name: string,
  part: unknown,
  operations: Readonly<Record<string, true>>,
): readonly string[] {
  return hasSome(part, operations) ? missingOf(name, part, operations) : [];
}

async function isMissing(operation: string): Promise<never> {
  throw new StoreFailure(
    'error',
    `the store has no ${operation}, which came with release 0.7 of latchkey; the type Store says what it does`,
  );
}

/** Sweeping is no operation that anybody waits for: what has ended stays. */
function olderCredentials(older: CredentialStore): CredentialStore {
  return {
    create: (credential) =>
      credential.resource === undefined
        ? older.create(credential)
        : isMissing('credentials with a resource'),
    findByHash: (hash) => older.findByHash(hash),
    findById: () => isMissing('credentials.findById'),
    listByOwner: (ownerId, filter) => older.listByOwner(ownerId, filter),
    listByResource: () => isMissing('credentials.listByResource'),
    update: () => isMissing('credentials.update'),
    touch: (id, now) => older.touch(id, now),
    revoke: (id, now) => older.revoke(id, now),
    sweep: async () => 0,
  };
}

const noOrgs: OrgStore = {
  create: () => isMissing('orgs.create'),
  get: () => isMissing('orgs.get'),
  update: () => isMissing('orgs.update'),
  delete: () => isMissing('orgs.delete'),
  list: () => isMissing('orgs.list'),
  addMember: () => isMissing('orgs.addMember'),
  setRoles: () => isMissing('orgs.setRoles'),
  removeMember: () => isMissing('orgs.removeMember'),
  getMember: () => isMissing('orgs.getMember'),
  membersOf: () => isMissing('orgs.membersOf'),
  membershipsOf: () => isMissing('orgs.membershipsOf'),
};

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
