import { change, find, type SqlDatabase, type SqlDialect } from './database.js';
import { number, type Row, text } from './rows.js';
import type { Count, CountOptions, OnceStore } from '../store.js';

/** Values and counters share a table; their keys must not meet. */
const valueKey = (key: string): string => `v:${key}`;
export const counterKey = (key: string): string => `c:${key}`;

export function onceStore(
  database: SqlDatabase,
  { rowId, anyOf, skipLocked }: SqlDialect,
): OnceStore {
  return Object.freeze({
    async add(key, value, { now, expiresAt }) {
      const rows = await database.query(
        `INSERT INTO latchkey_once (key, value, count, expires_at) VALUES ($1, $2, 0, $3)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
           WHERE latchkey_once.expires_at <= $4
         RETURNING key`,
        [valueKey(key), value, expiresAt, now],
        'change',
      );
      return rows.length === 1;
    },
    async take(key, now) {
      const [row] = await change(
        database,
        'DELETE FROM latchkey_once WHERE key = $1 RETURNING value, expires_at',
        [valueKey(key)],
      );
      return row && now < number(row, 'expires_at') ? text(row, 'value') : undefined;
    },
    incr: (key, count) =>
      count.amount === 0 ? readCount(database, key, count) : addCount(database, key, count),
    async del(key) {
      await change(database, 'DELETE FROM latchkey_once WHERE key IN ($1, $2) RETURNING key', [
        valueKey(key),
        counterKey(key),
      ]);
    },
    async sweep(before, limit = 1000) {
      const rows = await database.query(
        `DELETE FROM latchkey_once WHERE ${rowId} ${anyOf(
          `SELECT ${rowId} FROM latchkey_once WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 ${skipLocked}`,
        )} RETURNING key`,
        [before, limit],
        'scan',
      );
      return rows.length;
    },
  } satisfies OnceStore);
}

async function readCount(
  database: SqlDatabase,
  key: string,
  { now, windowMs }: CountOptions,
): Promise<Count> {
  const [row] = await find(
    database,
    'SELECT count, expires_at FROM latchkey_once WHERE key = $1 AND expires_at > $2',
    [counterKey(key), now],
  );
  return toCount(row, now + windowMs);
}

async function addCount(
  database: SqlDatabase,
  key: string,
  { now, windowMs, amount = 1 }: CountOptions,
): Promise<Count> {
  const [row] = await database.query(
    `INSERT INTO latchkey_once (key, value, count, expires_at) VALUES ($1, '', $2, $3)
     ON CONFLICT (key) DO UPDATE SET
       count = CASE WHEN latchkey_once.expires_at <= $4 THEN excluded.count
         WHEN latchkey_once.count + $5 < 0 THEN 0 ELSE latchkey_once.count + $5 END,
       expires_at = CASE WHEN latchkey_once.expires_at <= $4 THEN excluded.expires_at
         ELSE latchkey_once.expires_at END
     RETURNING count, expires_at`,
    [counterKey(key), Math.max(0, amount), now + windowMs, now, amount],
    'change',
  );
  if (!row) throw new Error('a counter did not answer');
  return toCount(row, now + windowMs);
}

/** A counter that is not there is 0, in a window that would end then. */
export function toCount(row: Row | undefined, endsAt: number): Count {
  return row
    ? { count: number(row, 'count'), resetAt: number(row, 'expires_at') }
    : { count: 0, resetAt: endsAt };
}
