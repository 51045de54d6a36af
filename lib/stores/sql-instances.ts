import type { SqlDatabase } from './sql-database.js';
import { number, text } from './sql-rows.js';
import type { InstanceStore } from './store.js';

/** Reports are one-time values that are replaced; their times are the database's own. */
export function instanceStore(database: SqlDatabase): InstanceStore {
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
