import type { RedisClient } from './client.js';
import { connectRedis } from './connection.js';
import { redisCredentials } from './credentials.js';
import { checkRedis } from './health.js';
import { redisInstances } from './instances.js';
import { redisOnce } from './once.js';
import { redisOrgs } from './orgs.js';
import { redisSessions } from './sessions.js';
import { redisUsers } from './users.js';
import { keepTextExact } from '../storable-text.js';
import type { StoreAdapterOptions } from '../sqlite/sqlite.js';
import type { Store } from '../store.js';

export const USUAL_PREFIX = 'latchkey:';

export interface RedisStoreOptions extends StoreAdapterOptions {
  /** How our keys begin. @defaultValue `'latchkey:'` */
  readonly prefix?: string;
}

/**
 * A store in Redis 6.2 or later, single or cluster, through a connected client of `ioredis` or `redis`. What Redis
 * forgets is gone: for users switch its persistence on (`appendonly yes`) and its eviction off
 * (`maxmemory-policy noeviction`).
 *
 * @example
 * ```ts
 * import { Redis } from 'ioredis';
 *
 * const auth = createAuth({ store: redisStore(new Redis('redis://127.0.0.1:6379')) });
 * ```
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): Store {
  const { prefix = USUAL_PREFIX, onClose } = options;
  const connection = connectRedis(client, prefix);
  const { close: stopListening, ...sessions } = redisSessions(connection, client);
  return keepTextExact({
    sessions,
    once: redisOnce(connection),
    users: redisUsers(connection),
    credentials: redisCredentials(connection),
    orgs: redisOrgs(connection),
    instances: redisInstances(connection),
    ping: () => checkRedis(connection),
    async close(): Promise<void> {
      stopListening();
      await onClose?.();
    },
  });
}
