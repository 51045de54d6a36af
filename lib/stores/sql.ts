import {
  number,
  type Row,
  text,
  toCredential,
  toSession,
  toUser,
  userValues,
  type Value,
} from './sql-rows.js';
import type {
  CredentialStore,
  InstanceStore,
  OnceStore,
  SessionSelector,
  SessionStore,
  Store,
  UserStore,
} from './store.js';

/** As much of a database as the statements need. */
export interface SqlDatabase {
  /** Runs one statement with `$1`, `$2` … and returns its rows. Creates the schema before the first one. */
  query(sql: string, values: readonly Value[]): Promise<readonly Row[]>;
  /** Tells whether an error is a violation of a unique constraint. */
  isUniqueViolation(error: unknown): boolean;
  close(): Promise<void>;
}

/** The store on a database that speaks SQL with RETURNING and ON CONFLICT. Each operation is one statement. */
export function sqlStore(database: SqlDatabase): Store {
  return Object.freeze({
    sessions: sessionStore(database),
    once: onceStore(database),
    users: userStore(database),
    credentials: credentialStore(database),
    instances: instanceStore(database),
    async ping(): Promise<void> {
      await database.query('SELECT version FROM latchkey_schema LIMIT 1', []);
    },
    close: () => database.close(),
  });
}

/**
 * Runs a statement that looks rows up. No row holds a NUL character, and PostgreSQL would take a question for
 * one as an error.
 */
async function lookUp(
  database: SqlDatabase,
  sql: string,
  values: readonly Value[],
): Promise<readonly Row[]> {
  const isAskable = !values.some((value) => typeof value === 'string' && value.includes('\0'));
  return isAskable ? database.query(sql, values) : [];
}

async function firstOf<Result>(
  rows: Promise<readonly Row[]>,
  read: (row: Row) => Result,
): Promise<Result | undefined> {
  const [row] = await rows;
  return row && read(row);
}

const LIVE = 'revoked_at IS NULL';
const CLAMPED_IDLE = 'CASE WHEN $3 < expires_at THEN $3 ELSE expires_at END';

function sessionStore(database: SqlDatabase): SessionStore {
  return Object.freeze({
    async create(session) {
      const { provider } = session;
      await database.query(
        `INSERT INTO latchkey_sessions (id, user_id, kid, salt, generation, rotated_at, version, created_at,
           last_used_at, idle_expires_at, expires_at, provider_issuer, provider_subject, provider_session, data)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11, $12, $13, $14)`,
        [
          ...[session.id, session.userId, session.kid, session.salt, session.generation],
          ...[session.rotatedAt, session.createdAt, session.lastUsedAt],
          ...[session.idleExpiresAt, session.expiresAt, provider?.issuer ?? null],
          ...[provider?.subject ?? null, provider?.sessionId ?? null, session.data],
        ],
      );
    },
    get: (id) =>
      firstOf(lookUp(database, 'SELECT * FROM latchkey_sessions WHERE id = $1', [id]), toSession),
    rotate: (id, { generation, kid, now, idleExpiresAt }) =>
      firstOf(
        lookUp(
          database,
          `UPDATE latchkey_sessions SET generation = generation + 1, kid = $5, rotated_at = $2,
             last_used_at = $2, idle_expires_at = ${CLAMPED_IDLE}
           WHERE id = $1 AND generation = $4 AND ${LIVE} AND idle_expires_at > $2 AND expires_at > $2
           RETURNING *`,
          [id, now, idleExpiresAt, generation, kid],
        ),
        toSession,
      ),
    update: (id, { version, lastUsedAt = null, idleExpiresAt = null, data = null }) =>
      firstOf(
        lookUp(
          database,
          `UPDATE latchkey_sessions SET version = version + 1, data = COALESCE($5, data),
             last_used_at = COALESCE($4, last_used_at),
             idle_expires_at = CASE WHEN $3 < expires_at THEN $3
               WHEN $3 >= expires_at THEN expires_at ELSE idle_expires_at END
           WHERE id = $1 AND version = $2 AND ${LIVE} RETURNING *`,
          [id, version, idleExpiresAt, lastUsedAt, data],
        ),
        toSession,
      ),
    async revoke(selector, { now, reason }) {
      const { where, values } = selected(selector);
      const rows = await lookUp(
        database,
        `UPDATE latchkey_sessions SET revoked_at = $1, revoked_reason = $2
         WHERE ${LIVE} AND ${where} RETURNING id`,
        [now, reason, ...values],
      );
      return rows.map((row) => text(row, 'id'));
    },
    ...sessionLists(database),
  } satisfies SessionStore);
}

function sessionLists(
  database: SqlDatabase,
): Pick<SessionStore, 'revokedSince' | 'listByUser' | 'sweep'> {
  return {
    async revokedSince(time, { after, limit = 1000 } = {}) {
      const [at = String(time), id = ''] = after?.split(' ') ?? [];
      const rows = await database.query(
        `SELECT id, revoked_at FROM latchkey_sessions
         WHERE revoked_at >= $1 AND (revoked_at > $1 OR id > $2) ORDER BY revoked_at, id LIMIT $3`,
        [Number(at), id, limit],
      );
      return rows.map((row) => ({
        id: text(row, 'id'),
        revokedAt: number(row, 'revoked_at'),
        position: `${number(row, 'revoked_at')} ${text(row, 'id')}`,
      }));
    },
    async listByUser(userId, now, { after, limit = 100 } = {}) {
      const rows = await lookUp(
        database,
        `SELECT * FROM latchkey_sessions
         WHERE user_id = $1 AND ${LIVE} AND idle_expires_at > $2 AND expires_at > $2
           AND (expires_at < $3 OR (expires_at = $3 AND id < $4))
         ORDER BY expires_at DESC, id DESC LIMIT $5`,
        [userId, now, after?.expiresAt ?? Number.MAX_SAFE_INTEGER, after?.id ?? '', limit],
      );
      return rows.map(toSession);
    },
    async sweep(before, limit = 1000) {
      const rows = await database.query(
        `DELETE FROM latchkey_sessions WHERE id IN (
           SELECT id FROM latchkey_sessions
           WHERE revoked_at <= $1 OR idle_expires_at <= $1 OR expires_at <= $1 LIMIT $2) RETURNING id`,
        [before, limit],
      );
      return rows.length;
    },
  };
}

/** The selector as a condition from `$3` on. */
function selected(selector: SessionSelector): { where: string; values: readonly Value[] } {
  if ('id' in selector) return { where: 'id = $3', values: [selector.id] };
  if ('userId' in selector)
    return { where: 'user_id = $3 AND id <> $4', values: [selector.userId, selector.except ?? ''] };
  const { issuer, sessionId } = selector;
  const subject = 'subject' in selector ? selector.subject : undefined;
  const conditions = ['provider_issuer = $3'];
  const values = [issuer];
  for (const [column, value] of [
    ['provider_subject', subject],
    ['provider_session', sessionId],
  ] as const)
    if (value !== undefined) conditions.push(`${column} = $${values.push(value) + 2}`);
  return { where: conditions.join(' AND '), values };
}

/** Values and counters share a table; their keys must not meet. */
const valueKey = (key: string): string => `v:${key}`;
const counterKey = (key: string): string => `c:${key}`;

function onceStore(database: SqlDatabase): OnceStore {
  return Object.freeze({
    async add(key, value, { now, expiresAt }) {
      const rows = await database.query(
        `INSERT INTO latchkey_once (key, value, count, expires_at) VALUES ($1, $2, 0, $3)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
           WHERE latchkey_once.expires_at <= $4
         RETURNING key`,
        [valueKey(key), value, expiresAt, now],
      );
      return rows.length === 1;
    },
    async take(key, now) {
      const [row] = await lookUp(
        database,
        'DELETE FROM latchkey_once WHERE key = $1 RETURNING value, expires_at',
        [valueKey(key)],
      );
      return row && now < number(row, 'expires_at') ? text(row, 'value') : undefined;
    },
    async incr(key, { now, windowMs, amount = 1 }) {
      const [row] = await database.query(
        `INSERT INTO latchkey_once (key, value, count, expires_at) VALUES ($1, '', $2, $3)
         ON CONFLICT (key) DO UPDATE SET
           count = CASE WHEN latchkey_once.expires_at <= $4 THEN excluded.count
             WHEN latchkey_once.count + $5 < 0 THEN 0 ELSE latchkey_once.count + $5 END,
           expires_at = CASE WHEN latchkey_once.expires_at <= $4 THEN excluded.expires_at
             ELSE latchkey_once.expires_at END
         RETURNING count, expires_at`,
        [counterKey(key), Math.max(0, amount), now + windowMs, now, amount],
      );
      if (!row) throw new Error('a counter did not answer');
      return { count: number(row, 'count'), resetAt: number(row, 'expires_at') };
    },
    async del(key) {
      await lookUp(database, 'DELETE FROM latchkey_once WHERE key IN ($1, $2)', [
        valueKey(key),
        counterKey(key),
      ]);
    },
    async sweep(before, limit = 1000) {
      const rows = await database.query(
        `DELETE FROM latchkey_once WHERE key IN (
           SELECT key FROM latchkey_once WHERE expires_at <= $1 LIMIT $2) RETURNING key`,
        [before, limit],
      );
      return rows.length;
    },
  } satisfies OnceStore);
}

function userStore(database: SqlDatabase): UserStore {
  return Object.freeze({
    findByLogin: (login) =>
      firstOf(
        lookUp(database, 'SELECT * FROM latchkey_users WHERE username = $1 OR email = $1', [login]),
        toUser,
      ),
    findById: (id) =>
      firstOf(lookUp(database, 'SELECT * FROM latchkey_users WHERE id = $1', [id]), toUser),
    async create({ id, createdAt, updatedAt, ...user }) {
      const given = userValues(user);
      const columns = ['id', 'created_at', 'updated_at', 'version', ...given.map(([name]) => name)];
      const values = [id, createdAt, updatedAt, 0, ...given.map(([, value]) => value)];
      const rows = await database.query(
        `INSERT INTO latchkey_users (${columns.join(', ')})
         VALUES (${values.map((_, at) => `$${at + 1}`).join(', ')})
         ON CONFLICT DO NOTHING RETURNING id`,
        values,
      );
      return rows.length === 1 ? 'created' : 'taken';
    },
    async update(id, { version, now, set }) {
      const given = userValues(set);
      const changes = given.map(([column], at) => `, ${column} = $${at + 4}`).join('');
      try {
        const [row] = await lookUp(
          database,
          `UPDATE latchkey_users SET version = version + 1, updated_at = $3${changes}
           WHERE id = $1 AND version = $2 RETURNING *`,
          [id, version, now, ...given.map(([, value]) => value)],
        );
        return row ? toUser(row) : 'stale';
      } catch (error) {
        if (database.isUniqueViolation(error)) return 'taken';
        throw error;
      }
    },
    async list({ after = '', limit }) {
      const rows = await lookUp(
        database,
        'SELECT * FROM latchkey_users WHERE id > $1 ORDER BY id LIMIT $2',
        [after, limit],
      );
      return rows.map(toUser);
    },
    async delete(id) {
      const rows = await lookUp(database, 'DELETE FROM latchkey_users WHERE id = $1 RETURNING id', [
        id,
      ]);
      return rows.length === 1;
    },
  } satisfies UserStore);
}

function credentialStore(database: SqlDatabase): CredentialStore {
  return Object.freeze({
    async create({ id, hash, kind, ownerId, data, createdAt, expiresAt = null }) {
      await database.query(
        `INSERT INTO latchkey_credentials (id, hash, kind, owner_id, data, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [id, hash, kind, ownerId, data, createdAt, expiresAt],
      );
    },
    findByHash: (hash) =>
      firstOf(
        lookUp(database, 'SELECT * FROM latchkey_credentials WHERE hash = $1', [hash]),
        toCredential,
      ),
    async listByOwner(ownerId) {
      const rows = await lookUp(
        database,
        'SELECT * FROM latchkey_credentials WHERE owner_id = $1 ORDER BY created_at DESC',
        [ownerId],
      );
      return rows.map(toCredential);
    },
    async touch(id, now) {
      await lookUp(
        database,
        `UPDATE latchkey_credentials SET last_used_at = $2
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)`,
        [id, now],
      );
    },
    async revoke(id, now) {
      const rows = await lookUp(
        database,
        `UPDATE latchkey_credentials SET revoked_at = $2
         WHERE id = $1 AND revoked_at IS NULL RETURNING id`,
        [id, now],
      );
      return rows.length === 1;
    },
  } satisfies CredentialStore);
}

/** Reports are one-time values that are replaced; their times are the database's own. */
function instanceStore(database: SqlDatabase): InstanceStore {
  return Object.freeze({
    async report({ id, data }, maxAgeMs) {
      const now = Date.now();
      await database.query(
        `INSERT INTO latchkey_once (key, value, count, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, count = excluded.count, expires_at = excluded.expires_at`,
        [`i:${id}`, data, now, now + maxAgeMs],
      );
      const rows = await database.query(
        `SELECT key, value, count FROM latchkey_once WHERE key >= 'i:' AND key < 'i;' AND count >= $1`,
        [now - maxAgeMs],
      );
      return rows.map((row) => ({
        id: text(row, 'key').slice(2),
        data: text(row, 'value'),
        ageMs: Math.max(0, now - number(row, 'count')),
      }));
    },
    async leave(id) {
      await database.query('DELETE FROM latchkey_once WHERE key = $1', [`i:${id}`]);
    },
  } satisfies InstanceStore);
}
