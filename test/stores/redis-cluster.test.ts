import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Cluster } from 'ioredis';
import { redisStore } from 'latchkey';
import { storeContract } from 'latchkey/testing';
import { createCluster } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../package/start-script.js';

const run = promisify(execFile);
const hasServer = spawnSync('redis-server', ['--version']).status === 0;
if (!hasServer)
  console.log('Left out: the tests on a Redis Cluster, for there is no redis-server here.');

describe.runIf(hasServer)('the Redis store on a cluster of three', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-cluster-'));
  const nodes: { port: number; stop: () => Promise<void> }[] = [];

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
  afterAll(async () => {
    await Promise.all(nodes.map(({ stop }) => stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  async function startNode() {
    const port = await freePort();
    const args = [
      '--port',
      String(port),
      '--cluster-enabled',
      'yes',
      '--cluster-config-file',
      `nodes-${port}.conf`,
    ];
    const child = spawn(
      'redis-server',
      [
        ...args,
        '--cluster-port',
        String(await freePort()),
        '--save',
        '',
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
      ],
      {
        stdio: 'ignore',
      },
    );
    await until(() =>
      run('redis-cli', ['-p', String(port), 'ping']).then(
        () => true,
        () => false,
      ),
    );
    return {
      port,
      async stop() {
        child.kill('SIGKILL');
        await once(child, 'exit');
      },
    };
  }

  const rootNodes = () => nodes.map(({ port }) => ({ host: '127.0.0.1', port }));

  describe('through ioredis', () => {
    for (const { title, run: check } of storeContract(() => {
      const cluster = new Cluster(rootNodes());
      return redisStore(cluster, { onClose: () => cluster.disconnect() });
    }))
      it(title, check);
  });

  describe('through redis', () => {
    const checks = storeContract(async () => {
      const cluster = createCluster({
        rootNodes: rootNodes().map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })),
      });
      await cluster.connect();
      return redisStore(cluster, { onClose: () => cluster.destroy() });
    });
    // The store is the same; what the clients do differently is to find the node of a key.
    const ofKeys = /^(rotate|once|users\.create|revokedSince)/;
    for (const { title, run: check } of checks.filter((each) => ofKeys.test(each.title)))
      it(title, check);
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
