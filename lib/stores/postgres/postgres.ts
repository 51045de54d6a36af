import { loadOnce } from '../../loading/load-once.js';
import { isRecord } from '../../is-record.js';
import { isPool, type PostgresClient } from './client.js';
import { type Connections, connectionsOf, type Work } from './connections.js';
import { codeOf, isHeldUp, isNotPrepared } from './errors.js';
import { batchedCounters } from './counters.js';
import { type IndexBuilding, indexBuilding } from './indexes.js';
import { type RevocationNotices, revocationNotices } from './notices.js';
import { postgresRevocations } from './revocations.js';
import { preparePostgresSchema, type RunStatement } from './schema.js';
import { type CompiledStatement, compileStatement, postgresDialect } from './statement.js';
import { sweepPostgresSessions } from './sweeps.js';
import type { Purpose, SqlDatabase } from '../sql/database.js';
import type { Row, Value } from '../sql/rows.js';
import { sqlStore } from '../sql/sql.js';
import { keepTextExact } from '../storable-text.js';
import type { StoreAdapterOptions } from '../sqlite/sqlite.js';
import { StoreFailure } from '../failures/store-failure.js';
import {
  type CredentialStore,
  type OnceStore,
  PATIENCE_MS,
  type SessionStore,
  type Store,
} from '../store.js';

export type { PostgresClient } from './client.js';

/**
 * A store in PostgreSQL 12 or later, for any number of instances. Tables stand in the first schema of `search_path`.
 *
 * @example
 * ```ts
 * import pg from 'pg';
 *
 * const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] });
 * const auth = createAuth({ store: postgresStore(pool) });
 * ```
 */
export function postgresStore(client: PostgresClient, options: StoreAdapterOptions = {}): Store {
  const connections = connectionsOf(client);
  const pool = isPool(client) ? client : undefined;
  const indexes = indexBuilding(pool, plainly(connections));
  const prepared = loadOnce(async () => {
    await preparePostgresSchema(plainly(connections));
    indexes.start();
  });
  const queryFrom = queries(connections, prepared);
  const notices = pool && revocationNotices(pool, plainly(connections));
  const database: SqlDatabase = {
    query: (...statement) => queryFrom(performance.now())(...statement),
    isUniqueViolation: (error) => codeOf(error) === '23505',
    async close() {
      indexes.stop();
      await notices?.close();
      await options.onClose?.();
    },
  };
  const store = sqlStore(database, postgresDialect);
  const incr = batchedCounters(queryFrom);
  // Around everything: a count that the database refuses would take the others of its batch with it.
  return keepTextExact({
    ...store,
    sessions: postgresSessions(database, { sessions: store.sessions, indexes, notices }),
    credentials: Object.freeze({
      ...store.credentials,
      sweep: async (before, limit) =>
        indexes.isDone() ? store.credentials.sweep(before, limit) : 0,
    } satisfies CredentialStore),
    once: Object.freeze({
      ...store.once,
      incr: (key, count) => connections.alone(() => incr(key, count)),
    } satisfies OnceStore),
    async together<Result>(run: () => Promise<Result>): Promise<Result> {
      const since = performance.now();
      await within(since, prepared());
      return connections.together(run, since);
    },
  });
}

interface SessionParts {
  readonly sessions: SessionStore;
  readonly indexes: IndexBuilding;
  readonly notices: RevocationNotices | undefined;
}

function postgresSessions(
  database: SqlDatabase,
  { sessions, indexes, notices }: SessionParts,
): SessionStore {
  return Object.freeze({
    ...sessions,
    async revoke(selector, at) {
      const ids = await sessions.revoke(selector, at);
      if (ids.length > 0) notices?.tell();
      return ids;
    },
    revokedSince: postgresRevocations(database),
    // Without the index it would read the whole table again and again.
    sweep: async (before, limit) =>
      indexes.isDone() ? sweepPostgresSessions(database, before, limit) : 0,
    ...(notices && { onRevoked: (listener: () => void) => notices.onRevoked(listener) }),
  } satisfies SessionStore);
}

/** Runs statements without parameters, such as those that make the schema. */
function plainly(connections: Connections): RunStatement {
  return (text) =>
    connections.alone(() =>
      connections.work(async ({ run }) => {
        const { rows } = await run({ text, query_timeout: 60_000 });
        return rows.filter(isRecord);
      }, performance.now()),
    );
}

/** Queries whose patience counts from a moment of `performance.now()`. */
function queries(
  connections: Connections,
  prepared: () => Promise<void>,
): (since: number) => SqlDatabase['query'] {
  const statements = new Map<string, CompiledStatement>();
  let isNaming = true;

  function compiled(sql: string, purpose: Purpose): CompiledStatement {
    const known = statements.get(sql);
    if (known) return known;
    const statement = compileStatement(sql, purpose);
    statements.set(sql, statement);
    return statement;
  }

  async function execute(
    work: Work,
    statement: CompiledStatement,
    values: readonly Value[],
  ): Promise<readonly Row[]> {
    const remaining = remainingOf(work.since);
    const query = {
      text: statement.text,
      values: statement.hasDeadline ? [...values, sentAt(work), remaining] : [...values],
      query_timeout: Math.ceil(remaining) + ANSWER_MS,
    };
    const name = isNaming ? statement.name : undefined;
    try {
      const { rows } = await work.run(name === undefined ? query : { ...query, name });
      const found = rows.filter(isRecord);
      noteServerTime(work, found);
      return found;
    } catch (error) {
      if (isHeldUp(error))
        throw new StoreFailure(
          'timeout',
          'PostgreSQL held a statement up too long: nothing changed',
        );
      if (name === undefined || !isNotPrepared(error)) throw error;
      isNaming = false;
      return execute(work, statement, values);
    }
  }

  return (since) => async (sql, values, purpose) => {
    await within(since, prepared());
    return connections.work((work) => execute(work, compiled(sql, purpose), values), since);
  };
}

/** Milliseconds to wait for the answer of a statement that took effect at the last moment. */
const ANSWER_MS = 500;

function remainingOf(since: number): number {
  const remaining = since + PATIENCE_MS - performance.now();
  if (remaining <= 0) throw new StoreFailure('timeout', 'PostgreSQL did not answer in time');
  return remaining;
}

async function within(since: number, preparing: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(new StoreFailure('not_ready', 'the schema in PostgreSQL is still being prepared')),
      remainingOf(since),
    );
  });
  try {
    await Promise.race([preparing, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Now by the server's clock, never too late; null when the clock isn't known. */
function sentAt({ serverTime }: Work): number | null {
  return serverTime ? serverTime.ms + performance.now() - serverTime.at : null;
}

function noteServerTime(work: Work, rows: readonly Row[]): void {
  const ms = rows[0]?.['server_time'];
  if (typeof ms === 'number') work.serverTime = { ms, at: performance.now() };
}
