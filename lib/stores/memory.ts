import type {
  Count,
  CredentialStore,
  InstanceStore,
  OnceStore,
  Revocation,
  Session,
  SessionSelector,
  SessionStore,
  Store,
  StoredCredential,
  StoredUser,
  UserStore,
} from './store.js';

/**
 * Keeps everything in this process and loses it with it: for tests and for trying things out. Every step runs
 * without a pause, so that each is atomic by itself.
 *
 * @example
 * ```ts
 * const auth = createAuth({ store: memoryStore() });
 * ```
 */
export function memoryStore(): Store {
  return Object.freeze({
    sessions: createSessionStore(),
    once: createOnceStore(),
    users: createUserStore(),
    credentials: createCredentialStore(),
    instances: createInstanceStore(),
    ping: async () => undefined,
    close: async () => undefined,
  });
}

/** Rows are copied in and out, so that callers cannot change what is stored. */
function copy<Row>(row: Row): Row {
  return structuredClone(row);
}

function createSessionStore(): SessionStore {
  const rows = new Map<string, Session>();
  const revocations = createRevocationLog();
  const listeners = new Set<() => void>();

  function put(row: Session): Session {
    rows.set(row.id, row);
    return copy(row);
  }

  return Object.freeze({
    async create(session) {
      if (rows.has(session.id)) throw new Error('a session with this id exists');
      put({ ...copy(session), version: 0, revokedAt: undefined, revokedReason: undefined });
    },
    async get(id) {
      return copy(rows.get(id));
    },
    async rotate(id, { generation, kid, now, idleExpiresAt }) {
      const row = rows.get(id);
      if (!row || row.generation !== generation || row.revokedAt !== undefined) return undefined;
      if (now >= row.idleExpiresAt || now >= row.expiresAt) return undefined;
      return put({
        ...row,
        generation: generation + 1,
        kid,
        rotatedAt: now,
        lastUsedAt: now,
        idleExpiresAt: Math.min(idleExpiresAt, row.expiresAt),
      });
    },
    async update(id, { version, idleExpiresAt, ...change }) {
      const row = rows.get(id);
      if (!row || row.version !== version || row.revokedAt !== undefined) return undefined;
      const idle = Math.min(idleExpiresAt ?? row.idleExpiresAt, row.expiresAt);
      return put({ ...row, ...change, idleExpiresAt: idle, version: version + 1 });
    },
    async revoke(selector, { now, reason }) {
      const ended = [...rows.values()].filter(
        (row) => row.revokedAt === undefined && isSelected(row, selector),
      );
      for (const row of ended) {
        put({ ...row, revokedAt: now, revokedReason: reason });
        revocations.add({ id: row.id, revokedAt: now });
      }
      if (ended.length > 0) for (const listener of listeners) listener();
      return ended.map(({ id }) => id);
    },
    onRevoked(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    ...sessionLists(rows, revocations),
  } satisfies SessionStore);
}

interface RevocationLog {
  add(revocation: Omit<Revocation, 'position'>): void;
  since: SessionStore['revokedSince'];
  forget(ids: ReadonlySet<string>): void;
}

function createRevocationLog(): RevocationLog {
  /** In the order of their positions. */
  const entries = new Map<string, Omit<Revocation, 'position'>>();
  let last = 0;

  return {
    add(revocation): void {
      last += 1;
      entries.set(String(last), revocation);
    },
    async since(time, { after, limit = 1000 } = {}) {
      const page: Revocation[] = [];
      for (const [position, revocation] of entries) {
        if (page.length >= limit) break;
        const isWanted =
          after === undefined ? revocation.revokedAt >= time : Number(position) > Number(after);
        if (isWanted) page.push({ ...revocation, position });
      }
      return page;
    },
    forget(ids): void {
      for (const [position, { id }] of entries) if (ids.has(id)) entries.delete(position);
    },
  };
}

function sessionLists(
  rows: Map<string, Session>,
  revocations: RevocationLog,
): Pick<SessionStore, 'revokedSince' | 'listByUser' | 'sweep'> {
  return {
    revokedSince: revocations.since,
    async listByUser(userId, now, { after, limit = 100 } = {}) {
      const live = [...rows.values()].filter(
        (row) =>
          row.userId === userId &&
          row.revokedAt === undefined &&
          now < row.idleExpiresAt &&
          now < row.expiresAt &&
          (after === undefined || isLater(after, row)),
      );
      return copy(live.toSorted((a, b) => (isLater(a, b) ? -1 : 1)).slice(0, limit));
    },
    async sweep(before, limit = 1000) {
      const ended = new Set<string>();
      for (const { id, revokedAt = Infinity, idleExpiresAt, expiresAt } of rows.values()) {
        if (Math.min(revokedAt, idleExpiresAt, expiresAt) <= before) ended.add(id);
        if (ended.size >= limit) break;
      }
      for (const id of ended) rows.delete(id);
      revocations.forget(ended);
      return ended.size;
    },
  };
}

/** Whether a session stands before another one in lists: it expires later, or has the greater id. */
function isLater(
  one: Pick<Session, 'id' | 'expiresAt'>,
  other: Pick<Session, 'id' | 'expiresAt'>,
): boolean {
  if (one.expiresAt !== other.expiresAt) return one.expiresAt > other.expiresAt;
  return one.id > other.id;
}

function isSelected(row: Session, selector: SessionSelector): boolean {
  if ('id' in selector) return row.id === selector.id;
  if ('userId' in selector) return row.userId === selector.userId && row.id !== selector.except;
  const { issuer, sessionId } = selector;
  const subject = 'subject' in selector ? selector.subject : undefined;
  return (
    row.provider?.issuer === issuer &&
    (subject === undefined || row.provider.subject === subject) &&
    (sessionId === undefined || row.provider.sessionId === sessionId)
  );
}

interface Entry<Value> {
  readonly value: Value;
  readonly expiresAt: number;
}

function createOnceStore(): OnceStore {
  const values = new Map<string, Entry<string>>();
  const counters = new Map<string, Entry<number>>();

  function live<Value>(
    entries: Map<string, Entry<Value>>,
    key: string,
    now: number,
  ): Entry<Value> | undefined {
    const entry = entries.get(key);
    return entry && now < entry.expiresAt ? entry : undefined;
  }

  return Object.freeze({
    async add(key, value, { now, expiresAt }) {
      if (live(values, key, now)) return false;
      values.set(key, { value, expiresAt });
      return true;
    },
    async take(key, now) {
      const entry = live(values, key, now);
      values.delete(key);
      return entry?.value;
    },
    async incr(key, { now, windowMs, amount = 1 }): Promise<Count> {
      const { value = 0, expiresAt = now + windowMs } = live(counters, key, now) ?? {};
      const count = Math.max(0, value + amount);
      counters.set(key, { value: count, expiresAt });
      return { count, resetAt: expiresAt };
    },
    async del(key) {
      values.delete(key);
      counters.delete(key);
    },
    async sweep(before, limit = 1000) {
      const swept = sweepEntries(values, before, limit);
      return swept + sweepEntries(counters, before, limit - swept);
    },
  } satisfies OnceStore);
}

function sweepEntries(entries: Map<string, Entry<unknown>>, before: number, limit: number): number {
  let swept = 0;
  for (const [key, { expiresAt }] of entries) {
    if (swept >= limit) break;
    if (expiresAt <= before && entries.delete(key)) swept += 1;
  }
  return swept;
}

function createUserStore(): UserStore {
  const rows = new Map<string, StoredUser>();

  function isTaken({
    id,
    username,
    email,
  }: Pick<StoredUser, 'id' | 'username' | 'email'>): boolean {
    return [...rows.values()].some(
      (row) =>
        row.id !== id &&
        ((username !== undefined && row.username === username) ||
          (email !== undefined && row.email === email)),
    );
  }

  return Object.freeze({
    async findByLogin(login) {
      return copy([...rows.values()].find((row) => row.username === login || row.email === login));
    },
    async findById(id) {
      return copy(rows.get(id));
    },
    async create(user) {
      if (rows.has(user.id) || isTaken(user)) return 'taken';
      rows.set(user.id, { ...copy(user), version: 0 });
      return 'created';
    },
    async update(id, { version, now, set }) {
      const row = rows.get(id);
      if (!row || row.version !== version) return 'stale';
      const changed = { ...row, ...copy(set), updatedAt: now, version: version + 1 };
      if (isTaken(changed)) return 'taken';
      rows.set(id, changed);
      return copy(changed);
    },
    async list({ after, limit }) {
      const ordered = [...rows.values()]
        .filter(({ id }) => after === undefined || id > after)
        .toSorted((a, b) => (a.id < b.id ? -1 : 1));
      return copy(ordered.slice(0, limit));
    },
    async delete(id) {
      return rows.delete(id);
    },
  } satisfies UserStore);
}

function createCredentialStore(): CredentialStore {
  const rows = new Map<string, StoredCredential>();
  return Object.freeze({
    async create(credential) {
      const isTaken = [...rows.values()].some(({ hash }) => hash === credential.hash);
      if (isTaken || rows.has(credential.id))
        throw new Error('a credential with this id or hash exists');
      rows.set(credential.id, { ...copy(credential), lastUsedAt: undefined, revokedAt: undefined });
    },
    async findByHash(hash) {
      return copy([...rows.values()].find((row) => row.hash === hash));
    },
    async listByOwner(ownerId) {
      const own = [...rows.values()].filter((row) => row.ownerId === ownerId);
      return copy(own.toSorted((a, b) => b.createdAt - a.createdAt));
    },
    async touch(id, now) {
      const row = rows.get(id);
      if (row) rows.set(id, { ...row, lastUsedAt: Math.max(now, row.lastUsedAt ?? now) });
    },
    async revoke(id, now) {
      const row = rows.get(id);
      if (!row || row.revokedAt !== undefined) return false;
      rows.set(id, { ...row, revokedAt: now });
      return true;
    },
  } satisfies CredentialStore);
}

function createInstanceStore(): InstanceStore {
  const reports = new Map<string, { readonly data: string; readonly at: number }>();
  return Object.freeze({
    async report({ id, data }, maxAgeMs) {
      const now = performance.now();
      reports.set(id, { data, at: now });
      for (const [other, { at }] of reports) if (now - at > maxAgeMs) reports.delete(other);
      return [...reports].map(([other, { data: told, at }]) => ({
        id: other,
        data: told,
        ageMs: now - at,
      }));
    },
    async leave(id) {
      reports.delete(id);
    },
  } satisfies InstanceStore);
}
