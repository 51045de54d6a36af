import type { SqlDatabase } from './database.js';
import { number, text } from './rows.js';
import type { SessionStore } from '../store.js';

/** Revocations in the order of their numbers, which is the order of commits where there is one writer at a time. */
export function revocationPages(database: SqlDatabase): SessionStore['revokedSince'] {
  return async (time, { after, limit = 1000 } = {}) => {
    const [condition, from] =
      after === undefined
        ? [
            `revoked_seq >= (SELECT MIN(revoked_seq) FROM latchkey_sessions WHERE revoked_at >= $1) AND revoked_at >= $1`,
            time,
          ]
        : ['revoked_seq > $1', Number(after)];
    const rows = await database.query(
      `SELECT id, revoked_at, revoked_seq FROM latchkey_sessions WHERE ${condition} ORDER BY revoked_seq LIMIT $2`,
      [from, limit],
      'scan',
    );
    return rows.map((row) => ({
      id: text(row, 'id'),
      revokedAt: number(row, 'revoked_at'),
      position: String(number(row, 'revoked_seq')),
    }));
  };
}
