import type { SqlDatabase } from './database.js';

const DAY_MS = 86_400_000;

/**
 * When a session is looked at by sweeps: the end of the day of its idle limit. A rotation within the day leaves it alone,
 * and with it every index. Of a column: the same as an expression.
 */
export function sweepAt(idleExpiresAt: number): number;
export function sweepAt(column: 'idle_expires_at' | 'expires_at'): string;
export function sweepAt(idleExpiresAt: number | string): number | string {
  return typeof idleExpiresAt === 'number'
    ? Math.ceil(idleExpiresAt / DAY_MS) * DAY_MS
    : `(${idleExpiresAt} + ${DAY_MS - 1}) / ${DAY_MS} * ${DAY_MS}`;
}

export const ENDED = '(revoked_at <= $1 OR idle_expires_at <= $1 OR expires_at <= $1)';

/** As a trigger and rotations keep it. */
export const RIGHT_SWEEP_AT: string = `CASE WHEN revoked_at < idle_expires_at THEN revoked_at
  ELSE ${sweepAt('idle_expires_at')} END`;

/**
 * Deletes sessions that are due. `sweep_at` may be too early: it is 0 in rows of releases before 0.5, and these do not move it when
 * they rotate. Such rows get the right one, which is what brings them up to date. Returns how many rows were dealt with.
 */
export async function sweepSessions(
  database: SqlDatabase,
  { before, limit = 1000 }: { readonly before: number; readonly limit?: number | undefined },
): Promise<number> {
  const isDue =
    'rowid IN (SELECT rowid FROM latchkey_sessions WHERE sweep_at <= $1 ORDER BY sweep_at LIMIT $2)';
  const deleted = await database.query(
    `DELETE FROM latchkey_sessions WHERE ${isDue} AND ${ENDED} RETURNING id`,
    [before, limit],
    'scan',
  );
  if (deleted.length === limit) return limit;
  const corrected = await database.query(
    `UPDATE latchkey_sessions SET sweep_at = ${RIGHT_SWEEP_AT}
     WHERE ${isDue} AND NOT COALESCE(${ENDED}, FALSE) RETURNING id`,
    [before, limit],
    'scan',
  );
  return Math.min(limit, deleted.length + corrected.length);
}
