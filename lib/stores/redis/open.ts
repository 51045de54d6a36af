import { loadPackage } from '../../loading/load-package.js';
import { redisStore, USUAL_PREFIX } from './redis.js';
import { readRedisUrl, type RedisAddress } from './url.js';
import type { Store } from '../store.js';

/** Opens the URLs of `readRedisUrl`: one Redis, one behind Sentinel, or a cluster. */
export async function openRedis(url: string): Promise<Store> {
  const client = await createRedisClient(url);
  return redisStore(client, { onClose: () => client.disconnect() });
}

/** `Redis` or `Cluster` of `ioredis`, as much as is used of one that was opened here. */
interface OpenedClient {
  readonly isCluster?: boolean;
  call(command: string, ...args: string[]): Promise<unknown>;
  on(event: string, listener: (argument: unknown) => void): unknown;
  disconnect(): void;
}

/** A client that connects by itself, and goes on after the connection was lost. */
async function createRedisClient(url: string): Promise<OpenedClient> {
  const address = readRedisUrl(url);
  const { Redis, Cluster } = await loadPackage('ioredis');
  const options = optionsOf(address);
  const { kind, nodes, tls } = address;
  if (kind === 'cluster') {
    return new Cluster([...nodes], {
      clusterRetryStrategy: retryAfter,
      slotsRefreshTimeout: 3000,
      // Looks where the slots are when nothing has said so for long: a node may have gone without a word.
      slotsRefreshInterval: 5000,
      redisOptions: options,
      // Certificates name hosts, and a cluster tells addresses.
      ...(tls && { dnsLookup: (host, callback) => callback(null, host) }),
    });
  }
  const { sentinelUsername, sentinelPassword } = address;
  return kind === 'single'
    ? new Redis(url, { ...optionsOf(address), retryStrategy: retryAfter })
    : new Redis({
        ...options,
        name: address.name,
        sentinels: [...nodes],
        sentinelUsername,
        sentinelPassword,
        enableTLSForSentinelMode: tls,
        sentinelTLS: tls ? {} : undefined,
        sentinelCommandTimeout: 2000,
        sentinelRetryStrategy: retryAfter,
        // Leaves the old primary when Sentinel names another one, also where the old one still answers.
        failoverDetector: true,
        retryStrategy: retryAfter,
      });
}

/** Has a look at a Redis. Changes nothing, unless `look` does. */
export async function lookIntoRedis<Result>(
  url: string,
  look: (client: OpenedClient) => Promise<Result>,
): Promise<Result> {
  const client = await createRedisClient(url);
  let lastError: unknown;
  client.on('error', (error) => (lastError = error));
  try {
    return await look(client);
  } catch (error) {
    // What a waiting command is told is only how it ended.
    throw lastError ?? error;
  } finally {
    client.disconnect();
  }
}

/** Whether a Redis holds keys of ours. Makes none. Releases 0.2 to 0.4 keep the ids of all users in one key, and have no other. */
export function isRedisBegun(url: string): Promise<boolean> {
  return lookIntoRedis(url, async (client) => {
    const keys = ['schema', 'users'].map((kind) => `${USUAL_PREFIX}{${kind}}`);
    const found = await Promise.all(keys.map((key) => client.call('EXISTS', key)));
    return found.some((count) => Number(count) > 0);
  });
}

function optionsOf({ username, password, database, tls }: RedisAddress) {
  return {
    username,
    password,
    db: database,
    ...(tls && { tls: {} }),
    connectTimeout: 3000,
    // A command gets its answer in time or none. What is sent all the same, at a reconnect for example, knows its own deadline.
    commandTimeout: 4500,
    // A connection that has been asked and says nothing is dead, whatever TCP thinks of it.
    socketTimeout: 4500,
    keepAlive: 5000,
    maxRetriesPerRequest: 3,
  };
}

function retryAfter(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 5), 1000);
}
