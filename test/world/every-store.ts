import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { memoryStore, openStore } from 'latchkey';
import { createDatabaseFolder } from './database-folder.js';
import { createPostgresSchema } from './postgres-schema.js';
import { isMissing, postgresUrl, redisUrl } from './services.js';

/** A place to keep things for one test file. */
export interface StorePlace {
  readonly name: string;
  /** For `openStore()` and AUTH_STORE_URL. */
  readonly url: string;
  readonly isMissing: boolean;
  readonly create: () => Promise<void>;
  readonly drop: () => Promise<void>;
}

/** Every store that several processes can share. Redis is given a database of its own (0 to 15): files that name the same one must not run at once. */
export async function sharedStores(redisDatabase: number): Promise<readonly StorePlace[]> {
  const folder = createDatabaseFolder();
  const schema = createPostgresSchema({ waitsForDisk: false });
  return [
    {
      name: 'SQLite',
      url: `file:${join(folder, 'auth.db')}`,
      isMissing: false,
      create: async () => undefined,
      drop: async () => rmSync(folder, { recursive: true, force: true }),
    },
    { name: 'PostgreSQL', isMissing: await isMissing('PostgreSQL', postgresUrl), ...schema },
    {
      name: 'Redis',
      url: `${redisUrl}/${redisDatabase}`,
      isMissing: await isMissing('Redis', redisUrl),
      create: async () => undefined,
      drop: () => dropRedisKeys(`${redisUrl}/${redisDatabase}`),
    },
  ];
}

/** The same, and the store in memory. */
export async function everyStore(redisDatabase: number) {
  const nothing = async (): Promise<void> => undefined;
  const memory = {
    ...{ name: 'memory', isMissing: false, open: memoryStore },
    ...{ create: nothing, drop: nothing },
  };
  const shared = await sharedStores(redisDatabase);
  return [memory, ...shared.map((place) => ({ ...place, open: () => openStore(place.url) }))];
}

async function dropRedisKeys(url: string): Promise<void> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url);
  const keys = await client.keys('latchkey:*');
  if (keys.length > 0) await client.del(...keys);
  client.disconnect();
}
