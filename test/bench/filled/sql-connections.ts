import { setTimeout as pause } from 'node:timers/promises';
import Database from 'libsql';
import { Client } from 'pg';
import type { RawSql } from './fill-sql.js';
import { saltOf, sessionId, userId, usersOf } from './population.js';

interface Updates {
  readonly all: number;
  readonly hot: number;
}

/** The rest of what a bench does to a database itself. */
export interface SqlConnection extends RawSql {
  /** How many updates of sessions there were, and how many of them touched no index. None where nobody counts. */
  readonly countUpdates: () => Promise<Updates>;
  /** How many rows there are, found out without being in anybody's way. */
  readonly countSessions: () => Promise<number>;
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
    revocationNumber: "nextval('latchkey_revocations')",
    async columnsOf(table) {
      const rows = await run(
        `SELECT column_name AS name FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = '${table}' AND is_generated = 'NEVER'`,
      );
      return rows.map(({ name }) => String(name));
    },
    async nameAll(population) {
      const name = (text: string): string =>
        `substr(translate(encode(sha256(convert_to(${text}, 'UTF8')), 'base64'), '+/', '-_'), 1, 22)`;
      await run(
        `CREATE TEMP TABLE bench_users AS SELECT number, ${name("'u' || number")} AS id
         FROM generate_series(0, ${usersOf(population) - 1}) AS number`,
      );
      await run(
        `CREATE TEMP TABLE bench_names AS SELECT number, ${name("'s' || number")} AS id,
           ${name("'x' || number")} AS salt, ${name(`'u' || (${population.layout.sqlUserOf})`)} AS user_id
         FROM generate_series(0, ${population.sessions - 1}) AS number`,
      );
    },
    async settle() {
      await run('VACUUM (ANALYZE)');
    },
    async countUpdates() {
      // A connection tells what it did when it has been idle for ten seconds.
      await pause(11_000);
      const [row] = await run(
        `SELECT n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_user_tables
         WHERE relid = 'latchkey_sessions'::regclass`,
      );
      return { all: Number(row?.['updates']), hot: Number(row?.['hot']) };
    },
    async countSessions() {
      // Counted by the server as it goes; it is a second late.
      const [row] = await run(
        `SELECT n_tup_ins - n_tup_del AS rows FROM pg_stat_user_tables
         WHERE relid = 'latchkey_sessions'::regclass`,
      );
      return Number(row?.['rows']);
    },
    close: () => client.end(),
  };
}

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
    revocationNumber: '1000 + number',
    async columnsOf(table) {
      const rows = await run(`PRAGMA table_xinfo(${table})`);
      return rows.filter(({ hidden }) => hidden === 0).map(({ name }) => String(name));
    },
    async nameAll(population) {
      const { sessions, layout } = population;
      database.exec(`CREATE TEMP TABLE bench_users (number INTEGER PRIMARY KEY, id TEXT);
        CREATE TEMP TABLE bench_names (number INTEGER PRIMARY KEY, id TEXT, salt TEXT, user_id TEXT);
        BEGIN`);
      const addUser = database.prepare('INSERT INTO bench_users VALUES (?, ?)');
      for (let user = 0; user < usersOf(population); user += 1) addUser.run(user, userId(user));
      const addSession = database.prepare('INSERT INTO bench_names VALUES (?, ?, ?, ?)');
      for (let session = 0; session < sessions; session += 1)
        addSession.run(
          session,
          sessionId(session),
          saltOf(session),
          userId(layout.userOf(session)),
        );
      database.exec('COMMIT');
    },
    async settle() {
      await run(
        'UPDATE latchkey_revocations SET last = COALESCE((SELECT MAX(revoked_seq) FROM latchkey_sessions), last)',
      );
      await run('PRAGMA wal_checkpoint(TRUNCATE)');
    },
    countUpdates: async () => ({ all: 0, hot: 0 }),
    async countSessions() {
      const [row] = await run('SELECT COUNT(*) AS rows FROM latchkey_sessions');
      return Number(row?.['rows']);
    },
    close: async () => void database.close(),
  };
}
