import type { SqlDatabase } from '../sql/database.js';
import { number } from '../sql/rows.js';
import { ENDED, RIGHT_SWEEP_AT } from '../sql/sweeps.js';

/**
 * Deletes what has ended and corrects `sweep_at` of the others, as one statement by where the rows are stored. It steps over rows
 * that somebody else has locked, so that it waits for nobody.
 */
const SWEEP = `WITH due AS MATERIALIZED (
    SELECT ctid AS place, COALESCE(${ENDED}, FALSE) AS has_ended FROM latchkey_sessions
    WHERE sweep_at <= $1 ORDER BY sweep_at LIMIT $2 FOR UPDATE SKIP LOCKED),
  gone AS (DELETE FROM latchkey_sessions
    WHERE ctid = ANY (ARRAY(SELECT place FROM due WHERE has_ended)) RETURNING 1),
  corrected AS (UPDATE latchkey_sessions SET sweep_at = ${RIGHT_SWEEP_AT}
    WHERE ctid = ANY (ARRAY(SELECT place FROM due WHERE NOT has_ended)) RETURNING 1)
  SELECT (SELECT COUNT(*) FROM gone) + (SELECT COUNT(*) FROM corrected) AS handled`;

export async function sweepPostgresSessions(
  database: SqlDatabase,
  before: number,
  limit = 1000,
): Promise<number> {
  const [row] = await database.query(SWEEP, [before, limit], 'scan');
  return row ? number(row, 'handled') : 0;
}
