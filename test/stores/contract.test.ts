import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { memoryStore, openStore, redisStore } from 'latchkey';
import { storeContract } from 'latchkey/testing';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { isMissing, postgresUrl, redisUrl } from '../world/services.js';
import { createPostgresSchema } from '../world/postgres-schema.js';

/** Runs every check of the contract on two connections to the same data. */
function keepsItsPromises(open: Parameters<typeof storeContract>[0]): void {
  for (const { title, run } of storeContract(open)) it(title, run);
}

describe('the memory store', () => {
  // Two connections to a memory are the memory itself, twice.
  const store = memoryStore();
  keepsItsPromises(() => store);
});

describe('the SQLite store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sqlite-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  keepsItsPromises(() => openStore(`file:${join(folder, 'auth.db')}`));
});

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))('the PostgreSQL store', () => {
  const schema = createPostgresSchema();
  beforeAll(() => schema.create());
  afterAll(() => schema.drop());
  keepsItsPromises(() => openStore(schema.url));
});

describe.skipIf(await isMissing('Redis', redisUrl))('the Redis store', () => {
  const prefix = `latchkey-test-${process.pid}-${Date.now()}:`;

  afterAll(async () => {
    const client = new Redis(redisUrl);
    const keys = await client.keys(`${prefix}*`);
    if (keys.length > 0) await client.del(...keys);
    client.disconnect();
  });

  describe('through ioredis', () => {
    keepsItsPromises(() => {
      const client = new Redis(redisUrl);
      return redisStore(client, { prefix, onClose: () => client.disconnect() });
    });
  });

  describe('through redis', () => {
    keepsItsPromises(async () => {
      const client = await createClient({ url: redisUrl }).connect();
      return redisStore(client, { prefix, onClose: () => client.destroy() });
    });
  });
});
