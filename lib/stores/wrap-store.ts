import { isDeepStrictEqual } from 'node:util';
import type { OrgStore, RolesChange, StoredMember } from './org-store.js';
import type {
  CredentialStore,
  InstanceStore,
  JoinedSessions,
  OnceStore,
  SessionStore,
  Store,
  UserStore,
} from './store.js';

/**
 * Runs one operation of a store. `operation` is its name, such as `sessions.rotate`; `run` performs it on the store
 * that it is given.
 */
export type Around = <Result>(
  operation: string,
  run: (store: Store) => Promise<Result>,
) => Promise<Result>;

/** The optional operations that a store has. */
export interface Abilities {
  readonly together: boolean;
  readonly onRevoked: boolean;
  readonly joined: boolean;
}

export function abilitiesOf({ together, sessions, users }: Store): Abilities {
  return {
    together: together !== undefined,
    onRevoked: sessions.onRevoked !== undefined,
    // Another user table in place of the store's own is not the one that the joined statements look at.
    joined: sessions.joined?.users === users,
  };
}

/**
 * Makes a store of which every operation goes through `around`, with these optional ones. Closing is left to the caller, and
 * so is `onRevoked`, which is no single operation.
 */
export function wrapStore(
  around: Around,
  { together, joined }: Pick<Abilities, 'together' | 'joined'>,
): Omit<Store, 'close'> {
  const users = wrapUsers(around);
  return {
    sessions: Object.freeze({
      ...wrapSessions(around),
      ...(joined && { joined: Object.freeze({ users, ...wrapJoined(around) }) }),
    }),
    once: wrapOnce(around),
    users,
    credentials: wrapCredentials(around),
    orgs: wrapOrgs(around),
    instances: wrapInstances(around),
    ping: () => around('ping', (store) => store.ping()),
    ...(together && {
      together: <Result>(run: () => Promise<Result>) =>
        around('together', (store) => (store.together ? store.together(run) : run())),
    }),
  };
}

function wrapJoined(around: Around): Omit<JoinedSessions, 'users'> {
  const joinedOf = ({ sessions: { joined } }: Store): JoinedSessions => {
    if (!joined) throw new Error('the store has no joined sessions');
    return joined;
  };
  return {
    get: (id) => around('sessions.get', async (store) => joinedOf(store).get(id)),
    create: (session, userVersion) =>
      around('sessions.create', async (store) => joinedOf(store).create(session, userVersion)),
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
    revokedSince: (time, page) =>
      around('sessions.revokedSince', ({ sessions }) => sessions.revokedSince(time, page)),
    listByUser: (userId, now, page) =>
      around('sessions.listByUser', ({ sessions }) => sessions.listByUser(userId, now, page)),
    sweep: (before, limit) =>
      around('sessions.sweep', ({ sessions }) => sessions.sweep(before, limit)),
  } satisfies SessionStore);
}

function wrapOnce(around: Around): OnceStore {
  return Object.freeze({
    add: (key, value, life) => around('once.add', ({ once }) => once.add(key, value, life)),
    take: (key, now) => around('once.take', ({ once }) => once.take(key, now)),
    incr: (key, count) => around('once.incr', ({ once }) => once.incr(key, count)),
    del: (key) => around('once.del', ({ once }) => once.del(key)),
    sweep: (before, limit) => around('once.sweep', ({ once }) => once.sweep(before, limit)),
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
    findById: (id) => around('credentials.findById', ({ credentials }) => credentials.findById(id)),
    listByOwner: (ownerId, filter) =>
      around('credentials.listByOwner', ({ credentials }) =>
        credentials.listByOwner(ownerId, filter),
      ),
    listByResource: (resource, filter) =>
      around('credentials.listByResource', ({ credentials }) =>
        credentials.listByResource(resource, filter),
      ),
    update: (id, data) =>
      around('credentials.update', ({ credentials }) => credentials.update(id, data)),
    touch: (id, now) =>
      around('credentials.touch', ({ credentials }) => credentials.touch(id, now)),
    revoke: (id, now) =>
      around('credentials.revoke', ({ credentials }) => credentials.revoke(id, now)),
    sweep: (before, limit) =>
      around('credentials.sweep', ({ credentials }) => credentials.sweep(before, limit)),
  } satisfies CredentialStore);
}

function wrapOrgs(around: Around): OrgStore {
  return Object.freeze({
    create: (org, ownerId) => around('orgs.create', ({ orgs }) => orgs.create(org, ownerId)),
    get: (id) => around('orgs.get', ({ orgs }) => orgs.get(id)),
    update: (id, change) => around('orgs.update', ({ orgs }) => orgs.update(id, change)),
    delete: (id) => around('orgs.delete', ({ orgs }) => orgs.delete(id)),
    list: (page) => around('orgs.list', ({ orgs }) => orgs.list(page)),
    addMember: (member) => around('orgs.addMember', ({ orgs }) => orgs.addMember(member)),
    setRoles: (orgId, userId, roles) =>
      around('orgs.setRoles', ({ orgs }) => orgs.setRoles(orgId, userId, roles)),
    replaceRoles: (orgId, userId, change) =>
      around('orgs.replaceRoles', ({ orgs }) => replaceRoles(orgs, { orgId, userId }, change)),
    removeMember: (orgId, userId, options) =>
      around('orgs.removeMember', ({ orgs }) => removeMember(orgs, { orgId, userId }, options)),
    getMember: (orgId, userId) =>
      around('orgs.getMember', ({ orgs }) => orgs.getMember(orgId, userId)),
    membersOf: (orgId, page) => around('orgs.membersOf', ({ orgs }) => orgs.membersOf(orgId, page)),
    membershipsOf: (userId, page) =>
      around('orgs.membershipsOf', ({ orgs }) => orgs.membershipsOf(userId, page)),
  } satisfies OrgStore);
}

type MemberKey = Pick<StoredMember, 'orgId' | 'userId'>;

/** For a store that was written before there was such an operation, in two steps. */
async function replaceRoles(
  orgs: OrgStore,
  { orgId, userId }: MemberKey,
  { from, to }: RolesChange,
): ReturnType<NonNullable<OrgStore['replaceRoles']>> {
  if (orgs.replaceRoles) return orgs.replaceRoles(orgId, userId, { from, to });
  if (await haveChanged(orgs, { orgId, userId }, from)) return 'stale';
  return orgs.setRoles(orgId, userId, to);
}

/** In two steps as well: a store that lacks `replaceRoles` knows no `from` either. */
async function removeMember(
  orgs: OrgStore,
  { orgId, userId }: MemberKey,
  options: Parameters<OrgStore['removeMember']>[2],
): ReturnType<OrgStore['removeMember']> {
  const from = orgs.replaceRoles ? undefined : options?.from;
  if (from && (await haveChanged(orgs, { orgId, userId }, from))) return 'stale';
  return orgs.removeMember(orgId, userId, options);
}

async function haveChanged(
  orgs: OrgStore,
  { orgId, userId }: MemberKey,
  from: readonly string[],
): Promise<boolean> {
  const member = await orgs.getMember(orgId, userId);
  return member !== undefined && !isDeepStrictEqual(member.roles, from);
}

function wrapInstances(around: Around): InstanceStore {
  return Object.freeze({
    report: (report, maxAgeMs) =>
      around('instances.report', ({ instances }) => instances.report(report, maxAgeMs)),
    leave: (id) => around('instances.leave', ({ instances }) => instances.leave(id)),
  } satisfies InstanceStore);
}
