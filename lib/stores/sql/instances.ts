import { change, type SqlDatabase, type SqlDialect } from './database.js';
import { number, text } from './rows.js';
import type { InstanceStore } from '../store.js';

/** Reports are one-time values that are replaced; `count` holds the time, by the database's own clock. */
export function instanceStore(database: SqlDatabase, { clock }: SqlDialect): InstanceStore {
  return Object.freeze({
    async report({ id, data }, maxAgeMs) {
      await database.query(
        `INSERT INTO latchkey_once (key, value, count, expires_at) VALUES ($1, $2, ${clock}, ${clock} + $3)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, count = excluded.count, expires_at = excluded.expires_at
         RETURNING key`,
        [`i:${id}`, data, maxAgeMs],
        'change',
      );
      const rows = await database.query(
        `SELECT key, value, ${clock} - count AS age FROM latchkey_once
         WHERE key >= 'i:' AND key < 'i;' AND (key = $2 OR count >= ${clock} - $1)`,
        [maxAgeMs, `i:${id}`],
        'scan',
      );
      return rows.map((row) => ({
        id: text(row, 'key').slice(2),
        data: text(row, 'value'),
        ageMs: Math.max(0, number(row, 'age')),
      }));
    },
    async leave(id) {
      await change(database, 'DELETE FROM latchkey_once WHERE key = $1 RETURNING key', [`i:${id}`]);
    },
  } satisfies InstanceStore);
}
