import { createHash } from 'node:crypto';
import { OWNER_ROLE } from '../org-store.js';
import type { Purpose, SqlDialect } from '../sql/database.js';

/** The time that the statement was sent and the milliseconds that it may take from then on; see {@link compileStatement}. */
const SENT = '$sent';

/** The server's clock, in milliseconds since 1970. */
const CLOCK = '(extract(epoch FROM clock_timestamp()) * 1000)::float8';

/**
 * `transaction_timestamp()` is when the first message of the statement arrived: before any wait for a lock. The time of sending is
 * given when the server's clock is known, and counts the way to the server as well.
 */
const HELD_UP = `(${CLOCK} - COALESCE(${SENT}::float8, (extract(epoch FROM transaction_timestamp()) * 1000)::float8))`;

export const postgresDialect: SqlDialect = {
  forUpdate: 'FOR NO KEY UPDATE',
  forShare: 'FOR SHARE',
  rowId: 'ctid',
  anyOf: (query) => `= ANY (ARRAY(${query}))`,
  skipLocked: 'FOR UPDATE SKIP LOCKED',
  // What every statement takes is no delay.
  heldUpMs: `CASE WHEN ${HELD_UP} < 100 THEN 0 ELSE ${HELD_UP}::bigint END`,
  revokesAtOnce: undefined,
  serverTime: `, ${CLOCK} AS server_time`,
  // No trigger, which would come after the deadline was looked at.
  withFirstMember: (insertion) => `WITH org AS (${insertion} RETURNING id, created_by, created_at)
    INSERT INTO latchkey_members (org_id, user_id, roles, is_owner, joined_at)
      SELECT id, created_by, '["${OWNER_ROLE}"]', 1, created_at FROM org RETURNING user_id`,
  clock: `${CLOCK}::bigint`,
};

export interface CompiledStatement {
  readonly text: string;
  /** Undefined: planned with its values each time. */
  readonly name: string | undefined;
  readonly hasDeadline: boolean;
}

/**
 * A statement that changes something takes two more parameters: when it was sent, by the server's clock, or null; and the milliseconds
 * that it may take. It checks them in RETURNING, after every wait for a lock: one that took longer divides by zero,
 * and with that undoes itself.
 */
export function compileStatement(sql: string, purpose: Purpose): CompiledStatement {
  const text = purpose === 'change' ? withDeadline(sql) : sql;
  const digest = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  return {
    text,
    name: purpose === 'scan' ? undefined : `latchkey_${digest}`,
    hasDeadline: purpose === 'change',
  };
}

function withDeadline(sql: string): string {
  const places = [...sql.matchAll(/\$(\d+)/g)].map(([, place]) => Number(place));
  const sent = Math.max(0, ...places) + 1;
  const checked = `${sql}, 1 / (CASE WHEN ${HELD_UP} < $${sent + 1}::float8 THEN 1 ELSE 0 END) AS in_time`;
  return checked.replaceAll(SENT, `$${sent}`);
}
