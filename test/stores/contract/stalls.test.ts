import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { openStore, redisStore } from 'latchkey';
import { storeContract, type StoreContractOptions } from 'latchkey/testing';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { createDatabaseFolder } from '../../world/database-folder.js';
import { createPostgresSchema } from '../../world/postgres-schema.js';
import { isMissing, postgresUrl, redisUrl } from '../../world/services.js';
import { holdSqliteLock } from '../../world/sqlite-lock.js';
import { startTcpProxy, type TcpProxy } from '../../world/tcp-proxy.js';

const withoutPostgres = await isMissing('PostgreSQL', postgresUrl);
const withoutRedis = await isMissing('Redis', redisUrl);

/** Runs what the contract checks of a store that can be held up, and nothing else. */
function withstandsStalls(
  open: Parameters<typeof storeContract>[0],
  stall: NonNullable<StoreContractOptions['stall']>,
): void {
  const others = new Set(storeContract(open).map(({ title }) => title));
  const checks = storeContract(open, { stall }).filter(({ title }) => !others.has(title));
  for (const { title, run } of checks) it(title, run);
}

// Side by side, as each takes as long as a store has patience and does nothing meanwhile.
describe.concurrent('a store that is held up', () => {
  describe('SQLite', () => {
    const folder = createDatabaseFolder();
    const file = join(folder, 'auth.db');
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    withstandsStalls(
      () => openStore(`file:${file}`),
      async () => {
        const lock = await holdSqliteLock(file);
        return () => lock.release();
      },
    );
  });

  describe.skipIf(withoutPostgres)('PostgreSQL', () => {
    const schema = createPostgresSchema();
    beforeAll(() => schema.create());
    afterAll(() => schema.drop());
    withstandsStalls(
      () => openStore(schema.url),
      async () => {
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
    );
  });

  describe.skipIf(withoutRedis)('Redis', () => {
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
    withstandsStalls(
      () => {
        const client = new Redis({ host: '127.0.0.1', port: proxy.port });
        return redisStore(client, { prefix, onClose: () => client.disconnect() });
      },
      async () => {
        proxy.setFlow('hold');
        return async () => proxy.setFlow('pass');
      },
    );
  });
});
