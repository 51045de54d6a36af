import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { memoryStore, openStore, redisStore } from 'latchkey';
import { storeContract, type StoreContractOptions } from 'latchkey/testing';
import { Client } from 'pg';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { createDatabaseFolder } from '../world/database-folder.js';
import { isMissing, postgresUrl, redisUrl } from '../world/services.js';
import { createPostgresSchema } from '../world/postgres-schema.js';
import { holdSqliteLock } from '../world/sqlite-lock.js';
import { startTcpProxy, type TcpProxy } from '../world/tcp-proxy.js';

/** Runs every check of the contract on two connections to the same data. */
function keepsItsPromises(
  open: Parameters<typeof storeContract>[0],
  options?: StoreContractOptions,
): void {
  for (const { title, run } of storeContract(open, options)) it(title, run);
}

describe('the memory store', () => {
  // Two connections to a memory are the memory itself, twice.
  const store = memoryStore();
  keepsItsPromises(() => store);
});

describe('the SQLite store', () => {
  const folder = createDatabaseFolder();
  const file = join(folder, 'auth.db');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  keepsItsPromises(() => openStore(`file:${file}`), {
    async stall() {
      const lock = await holdSqliteLock(file);
      return () => lock.release();
    },
  });
});

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))('the PostgreSQL store', () => {
  const schema = createPostgresSchema();
  beforeAll(() => schema.create());
  afterAll(() => schema.drop());
  keepsItsPromises(() => openStore(schema.url), {
    async stall() {
      const client = new Client(schema.url);
      await client.connect();
      const { rows } = await client.query<{ names: string }>(
        "SELECT string_agg(quote_ident(tablename), ', ') AS names FROM pg_tables WHERE schemaname = current_schema",
      );
      // Lets readers through, and nobody who changes or locks a row.
      await client.query(`BEGIN; LOCK TABLE ${rows[0]?.names} IN EXCLUSIVE MODE`);
      return async () => {
        await client.query('COMMIT');
        await client.end();
      };
    },
  });
});

describe.skipIf(await isMissing('Redis', redisUrl))('the Redis store', () => {
  const prefix = `latchkey-test-${process.pid}-${Date.now()}:`;
  let proxy: TcpProxy;

  beforeAll(async () => {
    proxy = await startTcpProxy(Number(new URL(redisUrl).port));
  });

  afterAll(async () => {
    const client = new Redis(redisUrl);
    const keys = await client.keys(`${prefix}*`);
    if (keys.length > 0) await client.del(...keys);
    client.disconnect();
    await proxy.close();
  });

  describe('through ioredis', () => {
    keepsItsPromises(
      () => {
        const client = new Redis({ host: '127.0.0.1', port: proxy.port });
        return redisStore(client, { prefix, onClose: () => client.disconnect() });
      },
      {
        async stall() {
          proxy.setFlow('hold');
          return async () => proxy.setFlow('pass');
        },
      },
    );
  });

  describe('through redis', () => {
    keepsItsPromises(async () => {
      const client = await createClient({ url: redisUrl }).connect();
      return redisStore(client, { prefix, onClose: () => client.destroy() });
    });
  });
});
