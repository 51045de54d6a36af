import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRecord } from '../is-record.js';
import { loadPackage } from '../load-package.js';
import { type SqliteDatabase, sqliteStore } from './sqlite.js';
import type { Store } from './store.js';

/** Opens `file:` and a path. */
export async function openSqlite(url: string): Promise<Store> {
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
