import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { openStore, redisStore } from 'latchkey';
import { storeContract } from 'latchkey/testing';
import { createCluster } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepTwoOpen } from '../world/keep-two-open.js';
import { hasRedisServer, type RedisServer, startRedisServer } from '../world/redis-server.js';
import { freePort } from '../world/free-port.js';

const run = promisify(execFile);
if (!hasRedisServer)
  console.log('Left out: the tests on a Redis Cluster, for there is no redis-server here.');

describe.runIf(hasRedisServer)('the Redis store on a cluster of three', () => {
  const nodes: RedisServer[] = [];

  beforeAll(async () => {
    for (let count = 0; count < 3; count += 1) nodes.push(await startNode());
    const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`);
    await run('redis-cli', ['--cluster', 'create', ...hosts, '--cluster-yes']);
    const { port = 0 } = nodes[0] ?? {};
    await until(async () =>
      (await run('redis-cli', ['-p', String(port), 'cluster', 'info'])).stdout.includes(
        'cluster_state:ok',
      ),
    );
  }, 60_000);
  afterAll(() => Promise.all(nodes.map(({ stop }) => stop())));

  async function startNode(): Promise<RedisServer> {
    const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())];
    return startRedisServer(...cluster);
  }

  describe('by its URL', () => {
    const ports = () => nodes.map(({ port }) => `127.0.0.1:${port}`);
    const connections = keepTwoOpen(() => openStore(`redis+cluster://${ports().join(',')}`));
    afterAll(connections.close);
    for (const { title, run: check } of storeContract(connections.open)) it(title, check);
  });

  describe('through redis', () => {
    const connections = keepTwoOpen(async () => {
      const cluster = createCluster({
        rootNodes: nodes.map(({ url }) => ({ url })),
      });
      await cluster.connect();
      return redisStore(cluster, { onClose: () => cluster.destroy() });
    });
    afterAll(connections.close);
    // The store is the same; what the clients do differently is to find the node of a key.
    const ofKeys = /^(rotate|once|users\.create|revokedSince|orgs)/;
    const checks = storeContract(connections.open).filter((each) => ofKeys.test(each.title));
    for (const { title, run: check } of checks) it(title, check);
  });

  it('the keys lie on every node', async () => {
    const sizes = await Promise.all(
      nodes.map(async ({ port }) =>
        Number((await run('redis-cli', ['-p', String(port), 'dbsize'])).stdout),
      ),
    );
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 100));
}
