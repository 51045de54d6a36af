import { loadPackage } from '../load-package.js';
import { redisStore } from './redis.js';
import type { Store } from './store.js';

/** Opens `redis:` and `rediss:` URLs. */
export async function openRedis(url: string): Promise<Store> {
  const { Redis } = await loadPackage('ioredis');
  const client = new Redis(url, {
    connectTimeout: 3000,
    commandTimeout: 4000,
    maxRetriesPerRequest: 1,
  });
  // Without a listener it would write to the console; the command that failed says so to its caller.
  client.on('error', () => undefined);
  return redisStore(client, { onClose: () => client.disconnect() });
}
