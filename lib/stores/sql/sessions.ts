import { setImmediate as othersTurn } from 'node:timers/promises';
import { change, find, firstOf, type SqlDatabase, type SqlDialect } from './database.js';
import { joinedUserColumns, sessionColumns, text, toJoinedUser, toSession } from './rows.js';
import type { Value } from './rows.js';
import { PATIENCE_MS } from '../store.js';
import type { JoinedSessions, NewSession, SessionSelector, SessionStore } from '../store.js';
import { revocationPages } from './revocations.js';
import { sweepAt, sweepSessions } from './sweeps.js';

const LIVE = 'revoked_at IS NULL';
const CLAMPED_IDLE = 'CASE WHEN $3 < expires_at THEN $3 ELSE expires_at END';

export function sessionStore(database: SqlDatabase, dialect: SqlDialect): SessionStore {
  return Object.freeze({
    async create(session) {
      await database.query(
        `INSERT INTO latchkey_sessions (${newColumns}) VALUES (${newPlaces}) RETURNING id`,
        newValues(session),
        'change',
      );
    },
    get: (id) =>
      firstOf(
        find(
          database,
          `SELECT ${sessionColumns}${dialect.serverTime} FROM latchkey_sessions WHERE id = $1`,
          [id],
        ),
        toSession,
      ),
    rotate: (id, { generation, kid, now, idleExpiresAt }) =>
      firstOf(
        change(database, rotation(dialect), [
          ...[id, now, idleExpiresAt, generation],
          ...[kid, sweepAt(idleExpiresAt)],
        ]),
        toSession,
      ),
    update: sessionUpdate(database),
    revoke: revocation(database, dialect),
    revokedSince: revocationPages(database),
    async listByUser(userId, now, { after, limit = 100 } = {}) {
      if (userId.includes('\0')) return [];
      const rows = await database.query(
        `SELECT ${sessionColumns} FROM latchkey_sessions
         WHERE user_id = $1 AND ${LIVE} AND idle_expires_at > $2 AND expires_at > $2
           AND (expires_at, id) < ($3, $4)
         ORDER BY expires_at DESC, id DESC LIMIT $5`,
        [userId, now, after?.expiresAt ?? Number.MAX_SAFE_INTEGER, after?.id ?? '', limit],
        'scan',
      );
      return rows.map(toSession);
    },
    sweep: (before, limit) => sweepSessions(database, { before, limit }),
  } satisfies SessionStore);
}

function revocation(
  database: SqlDatabase,
  { revokesAtOnce, rowId }: SqlDialect,
): SessionStore['revoke'] {
  return async (selector, { now, reason }) => {
    const { where, values } = selected(selector);
    const condition =
      revokesAtOnce === undefined
        ? `${LIVE} AND ${where}`
        : `${rowId} IN (SELECT ${rowId} FROM latchkey_sessions WHERE ${LIVE} AND ${where} LIMIT ${revokesAtOnce})`;
    const revoked: string[] = [];
    const startedAt = performance.now();
    for (;;) {
      // One after the other: the time between is for other statements.
      // oxlint-disable-next-line no-await-in-loop
      const rows = await change(
        database,
        `UPDATE latchkey_sessions SET revoked_at = $1, revoked_reason = $2 WHERE ${condition} RETURNING id`,
        [now, reason, ...values],
      );
      for (const row of rows) revoked.push(text(row, 'id'));
      if (revokesAtOnce === undefined || rows.length < revokesAtOnce) return revoked;
      if (performance.now() - startedAt >= PATIENCE_MS)
        throw new Error('there was no time to revoke all of the sessions; the rest is left');
      // oxlint-disable-next-line no-await-in-loop
      await othersTurn();
    }
  };
}

function sessionUpdate(database: SqlDatabase): SessionStore['update'] {
  return (id, { version, lastUsedAt = null, idleExpiresAt = null, data = null }) =>
    firstOf(
      change(
        database,
        `UPDATE latchkey_sessions SET version = version + 1, data = COALESCE($5, data),
             last_used_at = COALESCE($4, last_used_at),
             idle_expires_at = CASE WHEN $3 < expires_at THEN $3
               WHEN $3 >= expires_at THEN expires_at ELSE idle_expires_at END,
             sweep_at = CASE WHEN $3 < expires_at THEN $6
               WHEN $3 >= expires_at THEN ${sweepAt('expires_at')} ELSE sweep_at END
           WHERE id = $1 AND version = $2 AND ${LIVE} RETURNING ${sessionColumns}`,
        [
          ...[id, version, idleExpiresAt, lastUsedAt, data],
          idleExpiresAt === null ? null : sweepAt(idleExpiresAt),
        ],
      ),
      toSession,
    );
}

function rotation({ forUpdate, heldUpMs }: SqlDialect): string {
  const condition = `id = $1 AND generation = $4 AND ${LIVE} AND idle_expires_at > $2 AND expires_at > $2`;
  const update = `UPDATE latchkey_sessions SET generation = generation + 1, kid = $5, rotated_at = $2 + ${heldUpMs},
    last_used_at = $2, idle_expires_at = ${CLAMPED_IDLE},
    sweep_at = CASE WHEN $3 < expires_at THEN $6 ELSE ${sweepAt('expires_at')} END`;
  if (forUpdate === '') return `${update} WHERE ${condition} RETURNING ${sessionColumns}`;
  // An UPDATE works out its values before it waits for the row. Locked first, the wait counts as time that it was held up.
  return `WITH held AS MATERIALIZED (SELECT id AS held_id FROM latchkey_sessions WHERE ${condition} ${forUpdate})
    ${update} FROM held WHERE id = held_id RETURNING ${sessionColumns}`;
}

/** What looks at sessions and users together. */
export function joinedSessions(
  database: SqlDatabase,
  dialect: SqlDialect,
): Pick<JoinedSessions, 'get' | 'create'> {
  const ofSession = sessionColumns.replaceAll(/\w+/g, 's.$&');
  return {
    get: (id) =>
      firstOf(
        find(
          database,
          `SELECT ${ofSession}, ${joinedUserColumns}${dialect.serverTime}
           FROM latchkey_sessions s LEFT JOIN latchkey_users u ON u.id = s.user_id WHERE s.id = $1`,
          [id],
        ),
        (row) => ({ session: toSession(row), user: toJoinedUser(row) }),
      ),
    async create(session, userVersion) {
      const rows = await database.query(
        `INSERT INTO latchkey_sessions (${newColumns}) SELECT ${newPlaces} FROM latchkey_users
         WHERE id = $2 AND version = $16 AND disabled = 0 ${dialect.forShare} RETURNING id`,
        [...newValues(session), userVersion],
        'change',
      );
      return rows.length === 1;
    },
  };
}

const newColumns = `id, user_id, kid, salt, generation, rotated_at, version, created_at, last_used_at, idle_expires_at,
  expires_at, provider_issuer, provider_subject, provider_session, data, sweep_at`;
const newPlaces = '$1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11, $12, $13, $14, $15';

function newValues({ provider, ...session }: NewSession): readonly Value[] {
  return [
    ...[session.id, session.userId, session.kid, session.salt, session.generation],
    ...[session.rotatedAt, session.createdAt, session.lastUsedAt],
    ...[session.idleExpiresAt, session.expiresAt, provider?.issuer ?? null],
    ...[provider?.subject ?? null, provider?.sessionId ?? null, session.data],
    sweepAt(session.idleExpiresAt),
  ];
}

/** The selector as a condition from `$3` on. */
function selected(selector: SessionSelector): { where: string; values: readonly Value[] } {
  if ('id' in selector) return { where: 'id = $3', values: [selector.id] };
  if ('userId' in selector)
    return { where: 'user_id = $3 AND id <> $4', values: [selector.userId, selector.except ?? ''] };
  const { issuer, sessionId } = selector;
  if (!('subject' in selector))
    return {
      where: 'provider_issuer = $3 AND provider_session = $4',
      values: [issuer, selector.sessionId],
    };
  const ofSubject = 'provider_issuer = $3 AND provider_subject = $4';
  if (sessionId === undefined) return { where: ofSubject, values: [issuer, selector.subject] };
  return {
    where: `${ofSubject} AND COALESCE(provider_session, $5) = $5`,
    values: [issuer, selector.subject, sessionId],
  };
}
