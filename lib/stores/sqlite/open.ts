import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRecord } from '../../is-record.js';
import { loadPackage } from '../../loading/load-package.js';
import { createFolder } from '../create-folder.js';
import { hasSchema, type SchemaDatabase } from './schema.js';
import { type SqliteDatabase, sqliteStore } from './sqlite.js';
import type { Store } from '../store.js';

/** Opens `file:` and a path. The file is made if it is not there, for nobody but the owner of this process. */
export async function openSqlite(url: string): Promise<Store> {
  const path = url.slice('file:'.length);
  if (path !== ':memory:') prepareFile(path);
  const database = await openSqliteFile(path);
  return sqliteStore(database, { onClose: () => database.close() });
}

/** SQLite makes its further files (`-wal`, `-shm`) with the mode of the database. */
function prepareFile(path: string): void {
  createFolder(dirname(path));
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!isRecord(error) || error['code'] !== 'EEXIST') throw error;
    warnOfReaders(path);
  }
}

const warned = new Set<string>();

function warnOfReaders(path: string): void {
  const kind = statSync(path);
  // A folder that was named by mistake may be meant for all users, such as /tmp.
  if (!kind.isFile()) return;
  const isOpenToOthers = process.platform !== 'win32' && (kind.mode & 0o077) !== 0;
  if (!isOpenToOthers || warned.has(path)) return;
  warned.add(path);
  process.emitWarning(
    `other users of this machine may open ${path}, which holds users and sessions; chmod 600 it, its -wal and its -shm`,
    'LatchkeyWarning',
  );
}

type OpenDatabase = SqliteDatabase & { close(): void };

/** Opens a file as it is. */
async function openSqliteFile(path: string): Promise<OpenDatabase> {
  const ownOfNode = nodeSqlite();
  if (ownOfNode) return new ownOfNode(path);
  const { default: Database } = await loadPackage('libsql');
  return new Database(path);
}

/** Has a look at a file that is there. Changes nothing, unless `look` does. */
export async function lookIntoSqliteFile<Result>(
  path: string,
  look: (database: SchemaDatabase) => Result,
): Promise<Result> {
  const database = await openSqliteFile(path);
  try {
    return look({
      exec: (sql) => database.exec(sql),
      all: (sql) => database.prepare(sql).all().filter(isRecord),
    });
  } finally {
    database.close();
  }
}

/** Whether a file is there and holds tables of ours. Makes none. */
export async function isSqliteBegun(url: string): Promise<boolean> {
  const path = url.slice('file:'.length);
  return existsSync(path) && (await lookIntoSqliteFile(path, hasSchema));
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
