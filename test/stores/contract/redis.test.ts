import { Redis } from 'ioredis';
import { redisStore } from 'latchkey';
import { storeContract } from 'latchkey/testing';
import { createClient } from 'redis';
import { afterAll, describe, it } from 'vitest';
import { isMissing, redisUrl } from '../../world/services.js';
import { keepTwoOpen } from '../../world/keep-two-open.js';

describe.skipIf(await isMissing('Redis', redisUrl))('the Redis store', () => {
  const prefix = `latchkey-test-${process.pid}-${Date.now()}:`;

  afterAll(async () => {
    const client = new Redis(redisUrl);
    const keys = await client.keys(`${prefix}*`);
    if (keys.length > 0) await client.del(...keys);
    client.disconnect();
  });

  describe('through ioredis', () => {
    const connections = keepTwoOpen(() => {
      const client = new Redis(redisUrl);
      return redisStore(client, { prefix, onClose: () => client.disconnect() });
    });
    afterAll(connections.close);
    for (const { title, run } of storeContract(connections.open)) it(title, run);
  });

  describe('through redis', () => {
    const connections = keepTwoOpen(async () => {
      const client = await createClient({ url: redisUrl }).connect();
      return redisStore(client, { prefix, onClose: () => client.destroy() });
    });
    afterAll(connections.close);
    for (const { title, run } of storeContract(connections.open)) it(title, run);
  });
});
