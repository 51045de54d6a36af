import { change, find, firstOf, type SqlDatabase } from './database.js';
import { toUser, userColumns, userValues } from './rows.js';
import type { UserStore } from '../store.js';

const SELECT = `SELECT ${userColumns} FROM latchkey_users`;

export function userStore(database: SqlDatabase): UserStore {
  return Object.freeze({
    findByLogin: (login) =>
      firstOf(find(database, `${SELECT} WHERE username = $1 OR email = $1`, [login]), toUser),
    findById: (id) => firstOf(find(database, `${SELECT} WHERE id = $1`, [id]), toUser),
    async create({ id, createdAt, updatedAt, ...user }) {
      const given = userValues(user);
      const columns = ['id', 'created_at', 'updated_at', 'version', ...given.map(([name]) => name)];
      const values = [id, createdAt, updatedAt, 0, ...given.map(([, value]) => value)];
      const rows = await database.query(
        `INSERT INTO latchkey_users (${columns.join(', ')})
         VALUES (${values.map((_, at) => `$${at + 1}`).join(', ')})
         ON CONFLICT DO NOTHING RETURNING id`,
        values,
        'change',
      );
      return rows.length === 1 ? 'created' : 'taken';
    },
    async update(id, { version, now, set }) {
      const given = userValues(set);
      const changes = given.map(([column], at) => `, ${column} = $${at + 4}`).join('');
      try {
        const [row] = await change(
          database,
          `UPDATE latchkey_users SET version = version + 1, updated_at = $3${changes}
           WHERE id = $1 AND version = $2 RETURNING ${userColumns}`,
          [id, version, now, ...given.map(([, value]) => value)],
        );
        return row ? toUser(row) : 'stale';
      } catch (error) {
        if (database.isUniqueViolation(error)) return 'taken';
        throw error;
      }
    },
    async list({ after = '', limit }) {
      const rows = await find(database, `${SELECT} WHERE id > $1 ORDER BY id LIMIT $2`, [
        after,
        limit,
      ]);
      return rows.map(toUser);
    },
    async delete(id) {
      const rows = await change(database, 'DELETE FROM latchkey_users WHERE id = $1 RETURNING id', [
        id,
      ]);
      return rows.length === 1;
    },
  } satisfies UserStore);
}
