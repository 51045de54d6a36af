import { AuthError } from '../errors.js';
import { lazyStore } from './lazy-store.js';
import { memoryStore } from './memory/memory.js';
import { isPostgresBegun, openPostgres } from './postgres/open.js';
import { isRedisBegun, openRedis } from './redis/open.js';
import { isSqliteBegun, openSqlite } from './sqlite/open.js';
import type { Store } from './store.js';
import { explainFailure } from './failures/store-failure.js';
import { siteOf } from './store-site.js';
import { storeUrlProblem } from './store-url.js';
import type { Abilities } from './wrap-store.js';

/**
 * The store that a URL names: `memory:`, `file:./auth.db` (SQLite), `postgres://…` or `redis://…`. Opened at its
 * first use, and again at the next one when that failed; its driver is loaded then and not before. Its errors say in
 * words what is wrong, with host and port. None holds the URL, which may hold a password.
 *
 * @example
 * ```ts
 * const store = openStore('file:./auth.db');
 * ```
 */
export function openStore(url: string): Store {
  const wrong = storeUrlProblem(url);
  if (wrong) throw new TypeError(`the URL of the store ${wrong.problem}: ${wrong.cure}`);
  const opener = openers[url.slice(0, url.indexOf(':'))];
  if (!opener) return memoryStore();
  const site = siteOf(url);
  return lazyStore(
    () => opener.open(url),
    opener.abilities,
    // What a store refuses by itself is no failure of the database.
    (error) => (error instanceof AuthError ? error : explainFailure(error, site)),
  );
}

/**
 * Whether there is anything of ours in the database that a URL names. Makes and changes nothing, neither a file nor tables. Rejects
 * as operations of `openStore()` do.
 */
export async function isStoreBegun(url: string): Promise<boolean> {
  const opener = openers[url.slice(0, url.indexOf(':'))];
  if (!opener) return false;
  try {
    return await opener.isBegun(url);
  } catch (error) {
    throw explainFailure(error, siteOf(url));
  }
}

interface Opener {
  readonly open: (url: string) => Promise<Store>;
  readonly isBegun: (url: string) => Promise<boolean>;
  /** What the store can do once it is open. */
  readonly abilities: Abilities;
}

const sqlite: Opener = {
  open: openSqlite,
  isBegun: isSqliteBegun,
  abilities: { together: false, onRevoked: false, joined: true },
};
const postgres: Opener = {
  open: openPostgres,
  isBegun: isPostgresBegun,
  abilities: { together: true, onRevoked: true, joined: true },
};
const redis: Opener = {
  open: openRedis,
  isBegun: isRedisBegun,
  abilities: { together: false, onRevoked: true, joined: false },
};
const redisCluster: Opener = {
  open: openRedis,
  isBegun: isRedisBegun,
  abilities: { together: false, onRevoked: false, joined: false },
};

const openers: Readonly<Record<string, Opener>> = Object.assign(Object.create(null), {
  file: sqlite,
  postgres,
  postgresql: postgres,
  redis,
  rediss: redis,
  'redis+sentinel': redis,
  'rediss+sentinel': redis,
  'redis+cluster': redisCluster,
  'rediss+cluster': redisCluster,
});
