import Database from 'libsql';
import { Client } from 'pg';
import type { RawSql } from './fill-sql.js';
import { saltOf, sessionId, userId, userOf, usersOf } from './population.js';

/** The rest of what a bench does to a database itself. */
export interface SqlConnection extends RawSql {
  readonly close: () => Promise<void>;
}

export async function connectPostgres(url: string): Promise<SqlConnection> {
  const client = new Client(url);
  await client.connect();
  const run: RawSql['run'] = async (sql) => {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  };
  return {
    run,
    async columnsOf(table) {
      const rows = await run(
        `SELECT column_name AS name FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = '${table}' AND is_generated = 'NEVER'`,
      );
      return rows.map(({ name }) => String(name));
    },
    async nameAll(sessions) {
      const name = (text: string): string =>
        `substr(translate(encode(sha256(convert_to(${text}, 'UTF8')), 'base64'), '+/', '-_'), 1, 22)`;
      await run(
        `CREATE TEMP TABLE bench_users AS SELECT number, ${name("'u' || number")} AS id
         FROM generate_series(0, ${usersOf(sessions) - 1}) AS number`,
      );
      await run(
        `CREATE TEMP TABLE bench_names AS SELECT number, ${name("'s' || number")} AS id,
           ${name("'x' || number")} AS salt, ${name(`'u' || (${USER_OF})`)} AS user_id
         FROM generate_series(0, ${sessions - 1}) AS number`,
      );
    },
    async settle() {
      await run('VACUUM (ANALYZE)');
    },
    close: () => client.end(),
  };
}

/** {@link userOf} in SQL. */
const USER_OF = `5 * (number / 15) + CASE WHEN number % 15 < 1 THEN 0 WHEN number % 15 < 3 THEN 1
  WHEN number % 15 < 6 THEN 2 WHEN number % 15 < 10 THEN 3 ELSE 4 END`;

export function connectSqlite(file: string): SqlConnection {
  const database = new Database(file);
  // So much that pages of the indexes are not written over and over.
  database.exec('PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY');
  const run: RawSql['run'] = async (sql) => {
    const statement = database.prepare(sql);
    if (statement.reader) return statement.all() as Record<string, unknown>[];
    statement.run();
    return [];
  };
  return {
    run,
    async columnsOf(table) {
      const rows = await run(`PRAGMA table_xinfo(${table})`);
      return rows.filter(({ hidden }) => hidden === 0).map(({ name }) => String(name));
    },
    async nameAll(sessions) {
      database.exec(`CREATE TEMP TABLE bench_users (number INTEGER PRIMARY KEY, id TEXT);
        CREATE TEMP TABLE bench_names (number INTEGER PRIMARY KEY, id TEXT, salt TEXT, user_id TEXT);
        BEGIN`);
      const addUser = database.prepare('INSERT INTO bench_users VALUES (?, ?)');
      for (let user = 0; user < usersOf(sessions); user += 1) addUser.run(user, userId(user));
      const addSession = database.prepare('INSERT INTO bench_names VALUES (?, ?, ?, ?)');
      for (let session = 0; session < sessions; session += 1)
        addSession.run(session, sessionId(session), saltOf(session), userId(userOf(session)));
      database.exec('COMMIT');
    },
    async settle() {
      await run('PRAGMA wal_checkpoint(TRUNCATE)');
    },
    close: async () => void database.close(),
  };
}
