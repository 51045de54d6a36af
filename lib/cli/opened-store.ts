import { statSync } from 'node:fs';
import path from 'node:path';
import { createEvents, type EventSink } from '../events.js';
import { isStoreBegun, openStore } from '../stores/open-store.js';
import { StoreFailure } from '../stores/failures/store-failure.js';
import { lazyStore } from '../stores/lazy-store.js';
import { steadyStore } from '../stores/steady/steady-store.js';
import { siteOf } from '../stores/store-site.js';
import type { Store } from '../stores/store.js';
import { nearestFile } from './nearest-file.js';
import { visible } from './output/visible-text.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';

/** What commands that work on a store have. */
export interface OpenedStore {
  readonly store: Store;
  /** Such as `PostgreSQL at db.example:5432`. */
  readonly site: string;
  /** The audit events, of which only listeners of `diagnostics_channel` in this process are told. */
  readonly events: EventSink;
  readonly now: () => number;
  /** Prints a line. */
  readonly print: (line: string) => void;
  readonly read: Terminal['read'];
  /** Another command on this store, for a hint: `npx latchkey users list`. */
  readonly hint: (command: string) => string;
}

/** For the help of commands that work on a store. */
export const STORE_NOTE =
  '<url> is file:./auth.db, postgres://… or redis://…; without --store it is AUTH_STORE_URL.';

interface StoreUse {
  /** `--store`; AUTH_STORE_URL where it is not given. */
  readonly given: string | undefined;
  /** Whether a SQLite file, or tables, are made where there are none: for commands that add the first of something. */
  readonly mayBegin: boolean;
}

/** Opens the store, and closes it when the work is done. Rejects with an error that names the place where there is nothing of ours. */
export async function withStore(
  { given, mayBegin }: StoreUse,
  { env, read, print: write }: Terminal,
  work: (opened: OpenedStore) => Promise<void>,
): Promise<void> {
  const url = persistentUrl(given ?? env['AUTH_STORE_URL']);
  const source = given === undefined ? 'AUTH_STORE_URL' : '--store';
  const absent = absentFile(url, source);
  if (absent !== undefined && !mayBegin)
    throw new Error(
      `there is no database ${JSON.stringify(absent)}, which ${source} names${nearestFile(absent, DATABASE)}`,
    );
  const events = createEvents();
  const store = steadyStore(mayBegin ? openStore(url) : begunStore(url, source), {
    events,
    warns: false,
  });
  const print = (line: string) => write(`${visible(line)}\n`);
  const hint = (command: string): string =>
    `npx latchkey ${command}${given === undefined ? '' : ' --store <url>'}`;
  try {
    await work({ store, site: siteOf(url).name, events, now: Date.now, print, read, hint });
  } finally {
    await store.close();
  }
  if (absent !== undefined) print(`made the database ${absent}, which was not there`);
}

/** A store that makes nothing where there is nothing of ours. Looked at with the first use, after mistakes of usage. */
function begunStore(url: string, source: string): Store {
  return lazyStore(async () => {
    if (await isStoreBegun(url)) return openStore(url);
    throw new StoreFailure(
      'database',
      `${siteOf(url).name}, which ${source} names, holds nothing of latchkey; check which database that is: the application makes what it needs with the first request for it, npx latchkey users add with the first user`,
    );
  });
}

function persistentUrl(url: string | undefined): string {
  if (url === undefined)
    throw new UsageError('no store: set AUTH_STORE_URL, or add --store file:./auth.db');
  if (/^(?:memory:|file::memory:$)/.test(url))
    throw new UsageError(
      `${url} is inside the process of the application; use file:, postgres: or redis:`,
    );
  return url;
}

/** The whole path of a SQLite file that is not there. */
function absentFile(url: string, source: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  const file = path.resolve(url.slice('file:'.length));
  const kind = statSync(file, { throwIfNoEntry: false });
  if (kind?.isDirectory())
    throw new Error(
      `${JSON.stringify(file)}, which ${source} names, is a folder; name the file of the database in it`,
    );
  return kind ? undefined : file;
}

/** All but what SQLite keeps beside a database. */
const DATABASE = /(?<!-(?:wal|shm|journal))$/;
