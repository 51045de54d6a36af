import { firstOf, lookUp, type SqlDatabase } from './sql-database.js';
import { number, text, toSession, type Value } from './sql-rows.js';
import type { SessionSelector, SessionStore } from './store.js';

const LIVE = 'revoked_at IS NULL';
const CLAMPED_IDLE = 'CASE WHEN $3 < expires_at THEN $3 ELSE expires_at END';

export function sessionStore(database: SqlDatabase): SessionStore {
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
