import { isRecord } from '../../is-record.js';
import { sqlStore } from '../sql/sql.js';
import type { SqlDatabase, SqlDialect } from '../sql/database.js';
import type { Row, Value } from '../sql/rows.js';
import { prepareSqliteSchema } from './schema.js';
import { createTurns } from './turns.js';
import { keepTextExact } from '../storable-text.js';
import type { SessionStore, Store } from '../store.js';

/** As much of a SQLite database as we use: `DatabaseSync` of `node:sqlite` fits, and `Database` of `libsql` or `better-sqlite3`. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
}

export interface SqliteStatement {
  all(...values: never[]): unknown[];
}

export interface StoreAdapterOptions {
  /** Called by the store's `close()`. @defaultValue none: the client that you opened stays open */
  readonly onClose?: () => void | Promise<void>;
}

/**
 * A store in a SQLite file, for one machine: any number of processes may share the file. Sets the database to
 * write-ahead logging, in which readers and a writer don't wait for each other, and to flush every commit, since
 * a rotation that is forgotten would look like the reuse of a token. Waits for the locks of other processes without
 * stopping this one: the connection's `busy_timeout` becomes 0, so give it a connection of its own.
 *
 * @example
 * ```ts
 * import Database from 'libsql';
 *
 * const auth = createAuth({ store: sqliteStore(new Database('./auth.db')) });
 * ```
 */
export function sqliteStore(database: SqliteDatabase, options: StoreAdapterOptions = {}): Store {
  const store = sqlStore(sqlDatabase(database, options), sqliteDialect);
  let isLogFull = false;

  return keepTextExact({
    ...store,
    sessions: Object.freeze({
      ...store.sessions,
      async sweep(before, limit = 1000) {
        const swept = await store.sessions.sweep(before, limit);
        isLogFull ||= swept > 0;
        // After the last batch, if any of them found anything.
        if (isLogFull && swept < limit) {
          isLogFull = false;
          emptyLog(database);
        }
        return swept;
      },
    } satisfies SessionStore),
  });
}

/**
 * Takes the lock before the statement runs. A statement that met the lock of another process itself would stay open in some
 * drivers, and with it what this connection sees: it would never see again what the other processes have written.
 */
function change(database: SqliteDatabase, perform: () => readonly Row[]): readonly Row[] {
  database.exec('BEGIN IMMEDIATE');
  try {
    const rows = perform();
    database.exec('COMMIT');
    return rows;
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

function rollBack(database: SqliteDatabase): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // After some errors, such as a full disk, SQLite has done so itself.
  }
}

/** Empties the log into the database, as far as nobody else is using it. */
function emptyLog(database: SqliteDatabase): void {
  try {
    run(database.prepare('PRAGMA wal_checkpoint(TRUNCATE)'), []);
  } catch {
    // SQLite does the same by and by, at the commits of whoever writes.
  }
}

function sqlDatabase(database: SqliteDatabase, { onClose }: StoreAdapterOptions): SqlDatabase {
  const statements = new Map<string, SqliteStatement>();
  const turns = createTurns();
  let isPrepared = false;
  let isClosed = false;

  function prepareSchema(): void {
    for (const pragma of PRAGMAS) database.exec(`PRAGMA ${pragma}`);
    prepareSqliteSchema({
      exec: (sql) => database.exec(sql),
      all: (sql) => run(database.prepare(sql), []),
    });
    isPrepared = true;
  }

  function statementOf(sql: string, values: readonly Value[]): SqliteStatement {
    const known = statements.get(sql);
    if (known) return known;
    const text = sql.replace(WAITED, `?${values.length}`).replace(/\$(\d+)/g, '?$1');
    const statement = database.prepare(text);
    statements.set(sql, statement);
    return statement;
  }

  return {
    query(sql, values) {
      function step(waitedMs: number): readonly Row[] {
        if (!isPrepared) prepareSchema();
        // What statements wait for each other is no delay.
        const heldUpMs = waitedMs < 100 ? 0 : Math.round(waitedMs);
        const bound = sql.includes(WAITED) ? [...values, heldUpMs] : values;
        const statement = statementOf(sql, bound);
        return isRead ? run(statement, bound) : change(database, () => run(statement, bound));
      }
      const isRead = sql.trimStart().startsWith('SELECT');
      return isRead ? turns.read(step) : turns.run(step);
    },
    isUniqueViolation: (error) =>
      error instanceof Error && error.message.includes('UNIQUE constraint failed'),
    async close(): Promise<void> {
      turns.refuseAll(new Error('the store has been closed'));
      const close = isClosed ? undefined : onClose;
      isClosed = true;
      await close?.();
    },
  };
}

const PRAGMAS = [
  // First, since the others may meet a lock as well.
  'busy_timeout = 0',
  'journal_mode = WAL',
  'synchronous = FULL',
  // KiB. The upper levels of the indexes of millions of sessions stay in memory; SQLite takes no more of it than it needs.
  'cache_size = -32768',
  // A log that one large change has blown up becomes small again.
  `journal_size_limit = ${8 * 1024 * 1024}`,
] as const;

/** Stands for a further value: how long the statement was held up. */
const WAITED = '$waited';

const sqliteDialect: SqlDialect = {
  forUpdate: '',
  forShare: '',
  rowId: 'rowid',
  anyOf: (query) => `IN (${query})`,
  skipLocked: '',
  heldUpMs: WAITED,
  revokesAtOnce: 500,
  serverTime: '',
  withFirstMember: (insertion) => `${insertion} RETURNING id`,
  clock: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
};

function run(statement: SqliteStatement, values: readonly Value[]): readonly Row[] {
  // The drivers type their parameters by names of their own; text, numbers and null fit all of them.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return statement.all(...(values as never[])).filter(isRecord);
}
