import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRecord } from '../is-record.js';
import { loadPackage } from '../load-package.js';
import { lazyStore } from './lazy-store.js';
import { memoryStore } from './memory.js';
import { postgresStore } from './postgres.js';
import { redisStore } from './redis.js';
import { type SqliteDatabase, sqliteStore } from './sqlite.js';
import type { Store } from './store.js';

/**
 * The store that a URL names: `memory:`, `file:./auth.db` (SQLite), `postgres://…` or `redis://…`. Opened at its
 * first use, and again at the next one when that failed; its driver is loaded then and not before. No error of
 * it holds the URL, which may hold a password.
 *
 * @example
 * ```ts
 * const store = openStore('file:./auth.db');
 * ```
 */
export function openStore(url: string): Store {
  const scheme = url.slice(0, url.indexOf(':'));
  const open = openers[scheme];
  if (!open) throw new TypeError('a store is memory:, file:./auth.db, postgres://… or redis://…');
  return scheme === 'memory' ? memoryStore() : lazyStore(() => open(url));
}

const openers: Readonly<Record<string, (url: string) => Promise<Store>>> = Object.assign(
  Object.create(null),
  {
    memory: async () => memoryStore(),
    file: openSqlite,
    postgres: openPostgres,
    postgresql: openPostgres,
    redis: openRedis,
    rediss: openRedis,
  },
);

async function openSqlite(url: string): Promise<Store> {
  const path = url.slice('file:'.length);
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
  const database = await openSqliteFile(path);
  return sqliteStore(database, { onClose: () => database.close() });
}

type OpenDatabase = SqliteDatabase & { close(): void };

async function openSqliteFile(path: string): Promise<OpenDatabase> {
  const ownOfNode = nodeSqlite();
  if (ownOfNode) return new ownOfNode(path);
  const { default: Database } = await loadPackage('libsql');
  return new Database(path);
}

type DatabaseClass = new (path: string) => OpenDatabase;

/** Node's own SQLite, where it is there without a flag: from 22.13 on. */
function nodeSqlite(): DatabaseClass | undefined {
  const sqlite: unknown = process.getBuiltinModule('node:sqlite');
  if (!isRecord(sqlite) || typeof sqlite['DatabaseSync'] !== 'function') return undefined;
  // The types of Node 20, the oldest we support, do not know this module.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return sqlite['DatabaseSync'] as DatabaseClass;
}

async function openPostgres(url: string): Promise<Store> {
  const { default: pg } = await loadPackage('pg');
  const pool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: 3000,
    query_timeout: 4000,
    allowExitOnIdle: true,
  });
  // An idle connection that breaks must not end the process; the next query opens a new one.
  pool.on('error', () => undefined);
  return postgresStore(pool, { onClose: () => pool.end() });
}

async function openRedis(url: string): Promise<Store> {
  const { Redis } = await loadPackage('ioredis');
  const client = new Redis(url, {
    connectTimeout: 3000,
    commandTimeout: 4000,
    maxRetriesPerRequest: 1,
  });
  // Without a listener it would write to the console; the command that failed says so to its caller.
  client.on('error', () => undefined);
  return redisStore(client, { onClose: () => client.disconnect() });
}
