import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from 'latchkey';
import { createPostgresSchema } from '../../world/postgres-schema.js';
import { isMissing, postgresUrl } from '../../world/services.js';
import { hasRedisServer, startRedisServer } from '../../world/redis-server.js';
import { latchkey } from '../built-library.js';
import { fillRedis } from './fill-redis.js';
import { fillSql } from './fill-sql.js';
import type { Population } from './population.js';
import { connectPostgres, connectSqlite, type SqlConnection } from './sql-connections.js';

/** A place for one store, that nothing else uses. */
export interface BenchPlace {
  readonly url: string;
  /** A connection of the bench's own. Undefined: Redis. */
  readonly connect: (() => Promise<SqlConnection>) | undefined;
  /** Fills the store of this place. */
  readonly fill: (store: Store, population: Population) => Promise<void>;
  readonly drop: () => Promise<void>;
}

export type StoreName = 'SQLite' | 'PostgreSQL' | 'Redis';

/** SQLite in a file, PostgreSQL in a schema of the tests' server, Redis in a server of its own. */
export const benchPlaces: Readonly<Record<StoreName, () => Promise<BenchPlace>>> = {
  async SQLite() {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
    const file = join(folder, 'auth.db');
    return {
      url: `file:${file}`,
      ...sqlPlace(async () => connectSqlite(file)),
      drop: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  async PostgreSQL() {
    const schema = createPostgresSchema();
    await schema.create();
    return {
      url: schema.url,
      ...sqlPlace(() => connectPostgres(schema.url)),
      drop: schema.drop,
    };
  },
  async Redis() {
    const server = await startRedisServer();
    return {
      url: server.url,
      connect: undefined,
      fill: (_store, population) => fillRedis(server.port, population),
      drop: server.stop,
    };
  },
};

function sqlPlace(connect: () => Promise<SqlConnection>): Pick<BenchPlace, 'connect' | 'fill'> {
  return {
    connect,
    async fill(store, population) {
      // The store makes the file and the tables.
      await store.ping();
      const connection = await connect();
      await fillSql(store, connection, population);
      await connection.close();
    },
  };
}

/** Those that can be had here. */
export const storeNames: readonly StoreName[] = [
  'SQLite',
  ...((await isMissing('PostgreSQL', postgresUrl)) ? [] : (['PostgreSQL'] as const)),
  ...(hasRedisServer ? (['Redis'] as const) : []),
];

export interface FilledStore {
  readonly place: BenchPlace;
  readonly sessions: number;
  readonly store: Store;
  readonly close: () => Promise<void>;
}

/** A store with so many sessions, opened as an application opens it. */
export async function createFilledStore(
  name: StoreName,
  population: Population,
): Promise<FilledStore> {
  const place = await benchPlaces[name]();
  const store = latchkey.openStore(place.url);
  await place.fill(store, population);
  return {
    place,
    sessions: population.sessions,
    store,
    async close() {
      await store.close();
      await place.drop();
    },
  };
}
