import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Store } from 'latchkey';
import Database from 'libsql';
import { Pool } from 'pg';
import { createPostgresSchema } from '../world/postgres-schema.js';
import { startRedisServer } from '../world/redis-server.js';
import { latchkey } from './built-library.js';
import type { StoreName } from './filled/filled-stores.js';

/** A store on a client that counts what is sent to the database. */
export interface CountedStore {
  readonly store: Store;
  /** How many statements or commands there were so far, without BEGIN and COMMIT in SQLite, which are no round trip there. */
  readonly statements: () => number;
  readonly close: () => Promise<void>;
}

export const countedStores: Readonly<Record<StoreName, () => Promise<CountedStore>>> = {
  async SQLite() {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
    const file = join(folder, 'auth.db');
    // Ours alone, as the store would have made it.
    writeFileSync(file, '', { mode: 0o600 });
    const database = new Database(file);
    let count = 0;
    const store = latchkey.sqliteStore({
      exec: (sql) => database.exec(sql),
      prepare(sql) {
        const statement = database.prepare(sql);
        return {
          all(...values) {
            count += 1;
            return statement.all(...values);
          },
        };
      },
    });
    return {
      store,
      statements: () => count,
      async close() {
        database.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
  async PostgreSQL() {
    const schema = createPostgresSchema();
    await schema.create();
    const pool = new Pool({ connectionString: schema.url });
    let count = 0;
    pool.on('connect', (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      Object.assign(client, {
        query(...args: unknown[]) {
          count += 1;
          return query(...args);
        },
      });
    });
    return {
      store: latchkey.postgresStore(pool),
      statements: () => count,
      async close() {
        await pool.end();
        await schema.drop();
      },
    };
  },
  async Redis() {
    const server = await startRedisServer();
    let count = 0;
    class CountingRedis extends Redis {
      override sendCommand(...args: Parameters<Redis['sendCommand']>): unknown {
        count += 1;
        return super.sendCommand(...args);
      }
    }
    const client = new CountingRedis(server.url);
    return {
      store: latchkey.redisStore(client),
      statements: () => count,
      async close() {
        client.disconnect();
        await server.stop();
      },
    };
  },
};
