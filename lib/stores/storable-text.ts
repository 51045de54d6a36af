import { AuthError } from '../errors.js';
import type { OrgStore } from './org-store.js';
import type {
  CredentialStore,
  InstanceStore,
  OnceStore,
  SessionSelector,
  SessionStore,
  Store,
  UserStore,
} from './store.js';

/**
 * Tells whether every store keeps a text exactly. PostgreSQL has no NUL character, and half a surrogate pair has no
 * spelling in UTF-8: drivers replace it, so that two names would become one.
 */
function isStorable(text: string): boolean {
  // With the flag `u`, the class matches halves only.
  return !/[\0\p{Cs}]/u.test(text);
}

/**
 * Makes a store treat text that it could not keep exactly the same on every database: what would write it rejects with
 * INVALID_REQUEST (400) before anything has happened, and what looks for it finds nothing. The members of a user that are kept as
 * JSON take any text, and so do the roles of a member.
 */
export function keepTextExact(store: Store): Store {
  const users = guardUsers(store.users);
  return Object.freeze({
    ...store,
    sessions: guardSessions(store.sessions, users),
    once: guardOnce(store.once),
    users,
    credentials: guardCredentials(store.credentials),
    orgs: guardOrgs(store.orgs),
    instances: guardInstances(store.instances),
  });
}

function areStorable(...texts: readonly (string | undefined)[]): boolean {
  return texts.every((text) => text === undefined || isStorable(text));
}

function requireStorable(...texts: readonly (string | undefined)[]): void {
  if (areStorable(...texts)) return;
  throw new AuthError('INVALID_REQUEST', {
    reason: 'text',
    detail: 'Text must not hold NUL characters or halves of surrogate pairs.',
  });
}

function guardSessions(sessions: SessionStore, users: UserStore): SessionStore {
  const { joined } = sessions;
  const requireSession = (session: Parameters<SessionStore['create']>[0]): void => {
    const { id, userId, kid, salt, data, provider } = session;
    requireStorable(id, userId, kid, salt, data);
    requireStorable(provider?.issuer, provider?.subject, provider?.sessionId);
  };
  return Object.freeze({
    ...sessions,
    async create(session) {
      requireSession(session);
      return sessions.create(session);
    },
    get: async (id) => (isStorable(id) ? sessions.get(id) : undefined),
    async rotate(id, rotation) {
      requireStorable(rotation.kid);
      return isStorable(id) ? sessions.rotate(id, rotation) : undefined;
    },
    async update(id, change) {
      requireStorable(change.data);
      return isStorable(id) ? sessions.update(id, change) : undefined;
    },
    async revoke(selector, at) {
      requireStorable(at.reason);
      const askable = askableSelector(selector);
      return askable ? sessions.revoke(askable, at) : [];
    },
    async listByUser(userId, now, page) {
      requireStorable(page?.after?.id);
      return isStorable(userId) ? sessions.listByUser(userId, now, page) : [];
    },
    ...(joined && {
      joined: Object.freeze({
        users,
        get: async (id: string) => (isStorable(id) ? joined.get(id) : undefined),
        async create(session, userVersion) {
          requireSession(session);
          return joined.create(session, userVersion);
        },
      } satisfies SessionStore['joined']),
    }),
  } satisfies SessionStore);
}

/** Undefined when it selects nothing. No session has such an id, so that one that spares it spares none. */
function askableSelector(selector: SessionSelector): SessionSelector | undefined {
  if ('userId' in selector && selector.except !== undefined && !isStorable(selector.except))
    return askableSelector({ userId: selector.userId });
  const values: readonly unknown[] = Object.values(selector);
  return values.every((value) => typeof value !== 'string' || isStorable(value))
    ? selector
    : undefined;
}

function guardOnce(once: OnceStore): OnceStore {
  return Object.freeze({
    ...once,
    async add(key, value, life) {
      requireStorable(key, value);
      return once.add(key, value, life);
    },
    take: async (key, now) => (isStorable(key) ? once.take(key, now) : undefined),
    async incr(key, count) {
      requireStorable(key);
      return once.incr(key, count);
    },
    async del(key) {
      if (isStorable(key)) await once.del(key);
    },
  } satisfies OnceStore);
}

function guardUsers(users: UserStore): UserStore {
  return Object.freeze({
    findByLogin: async (login) => (isStorable(login) ? users.findByLogin(login) : undefined),
    findById: async (id) => (isStorable(id) ? users.findById(id) : undefined),
    async create(user) {
      requireStorable(user.id, user.username, user.email, user.passwordHash);
      return users.create(user);
    },
    async update(id, change) {
      const { username, email, passwordHash } = change.set;
      requireStorable(username, email, passwordHash);
      return isStorable(id) ? users.update(id, change) : 'stale';
    },
    async list(page) {
      requireStorable(page.after);
      return users.list(page);
    },
    delete: async (id) => isStorable(id) && users.delete(id),
  } satisfies UserStore);
}

function guardCredentials(credentials: CredentialStore): CredentialStore {
  return Object.freeze({
    ...credentials,
    async create(credential) {
      const { id, hash, kind, ownerId, resource, data } = credential;
      requireStorable(id, hash, kind, ownerId, resource, data);
      return credentials.create(credential);
    },
    findByHash: async (hash) => (isStorable(hash) ? credentials.findByHash(hash) : undefined),
    findById: async (id) => (isStorable(id) ? credentials.findById(id) : undefined),
    listByOwner: async (ownerId, filter = {}) =>
      areStorable(ownerId, filter.kind) ? credentials.listByOwner(ownerId, filter) : [],
    listByResource: async (resource, filter = {}) =>
      areStorable(resource, filter.kind) ? credentials.listByResource(resource, filter) : [],
    async update(id, data) {
      requireStorable(data.to);
      return areStorable(id, data.from) && credentials.update(id, data);
    },
    async touch(id, now) {
      if (isStorable(id)) await credentials.touch(id, now);
    },
    revoke: async (id, now) => isStorable(id) && credentials.revoke(id, now),
  } satisfies CredentialStore);
}

function guardOrgs(orgs: OrgStore): OrgStore {
  return Object.freeze({
    async create(org, ownerId) {
      requireStorable(org.id, org.name, ownerId);
      return orgs.create(org, ownerId);
    },
    get: async (id) => (isStorable(id) ? orgs.get(id) : undefined),
    async update(id, change) {
      requireStorable(change.name);
      return isStorable(id) ? orgs.update(id, change) : 'stale';
    },
    delete: async (id) => isStorable(id) && orgs.delete(id),
    async list(page) {
      requireStorable(page.after);
      return orgs.list(page);
    },
    async addMember(member) {
      requireStorable(member.userId);
      return isStorable(member.orgId) ? orgs.addMember(member) : 'missing';
    },
    setRoles: async (orgId, userId, roles) =>
      areStorable(orgId, userId) ? orgs.setRoles(orgId, userId, roles) : 'missing',
    ...guardReplaceRoles(orgs),
    removeMember: async (orgId, userId, options) =>
      areStorable(orgId, userId) ? orgs.removeMember(orgId, userId, options) : 'missing',
    getMember: async (orgId, userId) =>
      areStorable(orgId, userId) ? orgs.getMember(orgId, userId) : undefined,
    async membersOf(orgId, page) {
      requireStorable(page.after);
      return isStorable(orgId) ? orgs.membersOf(orgId, page) : [];
    },
    async membershipsOf(userId, page) {
      requireStorable(page.after);
      return isStorable(userId) ? orgs.membershipsOf(userId, page) : [];
    },
  } satisfies OrgStore);
}

/** For a store that has the operation. */
function guardReplaceRoles(orgs: OrgStore): Pick<OrgStore, 'replaceRoles'> {
  const replaceRoles = orgs.replaceRoles?.bind(orgs);
  if (!replaceRoles) return {};
  return {
    replaceRoles: async (orgId, userId, change) =>
      areStorable(orgId, userId) ? replaceRoles(orgId, userId, change) : 'missing',
  };
}

function guardInstances(instances: InstanceStore): InstanceStore {
  return Object.freeze({
    async report(report, maxAgeMs) {
      requireStorable(report.id, report.data);
      return instances.report(report, maxAgeMs);
    },
    async leave(id) {
      if (isStorable(id)) await instances.leave(id);
    },
  } satisfies InstanceStore);
}
