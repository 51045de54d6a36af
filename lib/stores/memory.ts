import type {
  Count,
  CredentialStore,
  OnceStore,
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
      for (const row of ended) put({ ...row, revokedAt: now, revokedReason: reason });
      return ended.map(({ id }) => id);
    },
    ...sessionLists(rows),
  } satisfies SessionStore);
}

function sessionLists(
  rows: Map<string, Session>,
): Pick<SessionStore, 'revokedSince' | 'listByUser' | 'sweep'> {
  return {
    async revokedSince(time) {
      return [...rows.values()].flatMap(({ id, revokedAt }) =>
        revokedAt !== undefined && revokedAt >= time ? [{ id, revokedAt }] : [],
      );
    },
    async listByUser(userId, now) {
      const live = [...rows.values()].filter(
        (row) =>
          row.userId === userId &&
          row.revokedAt === undefined &&
          now < row.idleExpiresAt &&
          now < row.expiresAt,
      );
      return copy(live.toSorted((a, b) => b.lastUsedAt - a.lastUsedAt));
    },
    async sweep(before) {
      const ended = [...rows.values()].filter(
        ({ revokedAt = Infinity, idleExpiresAt, expiresAt }) =>
          Math.min(revokedAt, idleExpiresAt, expiresAt) <= before,
      );
      for (const { id } of ended) rows.delete(id);
      return ended.length;
    },
  };
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
    async sweep(before) {
      return sweepEntries(values, before) + sweepEntries(counters, before);
    },
  } satisfies OnceStore);
}

function sweepEntries(entries: Map<string, Entry<unknown>>, before: number): number {
  const ended = [...entries].filter(([, { expiresAt }]) => expiresAt <= before);
  for (const [key] of ended) entries.delete(key);
  return ended.length;
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
