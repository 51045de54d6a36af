import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { loadConfig, openStore } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readRedisUrl } from '../../lib/stores/redis/url.js';
import { runBundled } from '../world/bundle.js';
import { newSession } from '../world/new-session.js';
import { hasRedisServer, startRedisServer } from '../world/redis-server.js';
import { freePort } from '../world/free-port.js';

describe('URLs of Redis', () => {
  it.each([
    {
      url: 'rediss://me:p%40ss@cache/2',
      says: { kind: 'single', tls: true, username: 'me', password: 'p@ss', database: 2 },
    },
    {
      url: 'redis+sentinel://:secret@a,b:5000,[::1]/main/3?sentinelPassword=s2',
      says: {
        ...{ kind: 'sentinel', name: 'main', database: 3, password: 'secret', tls: false },
        ...{ username: undefined, sentinelPassword: 's2' },
        nodes: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 5000 },
          { host: '::1', port: 26_379 },
        ],
      },
    },
    {
      url: 'rediss+cluster://me:pw@a:1,b:2',
      says: {
        kind: 'cluster',
        tls: true,
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
        ],
      },
    },
  ])('$url is read', ({ url, says }) => {
    expect(readRedisUrl(url)).toMatchObject(says);
  });

  it.each([
    'redis+sentinel://hunter2@a:26379',
    'redis+cluster://hunter2@a/1',
    'redis://hunter2@a,b',
    'redis+cluster://hunter2@a:x',
    'redis+other://hunter2@a',
  ])('%s is refused, without a word of the password', (url) => {
    expect(() => readRedisUrl(url)).toThrow(TypeError);
    expect(() => readRedisUrl(url)).not.toThrow(/hunter2/);
  });

  it('all are settings', () => {
    for (const AUTH_STORE_URL of ['redis+sentinel://a,b/main', 'rediss+cluster://a,b'])
      expect(loadConfig({ env: { AUTH_STORE_URL } }).store.url).toBe(AUTH_STORE_URL);
  });
});

/** A program that ends with the test. */
async function start(args: readonly string[], port: number): Promise<void> {
  const child = spawn('redis-server', [...args], { stdio: 'ignore' });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await expect
    .poll(() => spawnSync('redis-cli', ['-p', String(port), 'ping']).stdout.toString())
    .toContain('PONG');
}

describe.runIf(hasRedisServer)('Redis behind Sentinel', () => {
  it('follows the primary through a fail-over', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-sentinel-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [first, second] = await Promise.all([startRedisServer(), startRedisServer()]);
    onTestFinished(async () => void (await Promise.all([first.stop(), second.stop()])));
    const admin = new Redis(second.port);
    onTestFinished(() => admin.disconnect());
    await admin.replicaof('127.0.0.1', first.port);
    const port = await freePort();
    const file = join(folder, 'sentinel.conf');
    writeFileSync(
      file,
      [
        ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`],
        ...[`sentinel monitor main 127.0.0.1 ${first.port} 1`],
        ...['sentinel down-after-milliseconds main 1000', 'sentinel failover-timeout main 5000'],
      ].join('\n'),
    );
    await start([file, '--sentinel'], port);
    const store = openStore(`redis+sentinel://127.0.0.1:${port}/main`);
    onTestFinished(() => store.close());
    const session = newSession();
    await store.sessions.create(session);
    await expect.poll(() => admin.exists(`latchkey:{session:${session.id}}`)).toBe(1);
    await expect
      .poll(
        () =>
          spawnSync('redis-cli', ['-p', String(port), 'sentinel', 'replicas', 'main']).stdout
            .length,
        { timeout: 20_000 },
      )
      .toBeGreaterThan(10);
    await first.stop();
    const rotation = { generation: 0, kid: 'k', now: session.createdAt + 1 };
    const { idleExpiresAt } = session;
    // A rotation whose answer was lost on the way has happened all the same.
    await expect
      .poll(
        async () => {
          await store.sessions.rotate(session.id, { ...rotation, idleExpiresAt });
          return (await store.sessions.get(session.id))?.generation;
        },
        { timeout: 25_000, interval: 200 },
      )
      .toBe(1);
  });
});

describe.runIf(hasRedisServer && spawnSync('openssl', ['version']).status === 0)(
  'Redis over TLS',
  () => {
    it('is spoken to over TLS where its certificate is trusted, and not where nobody vouches for it', async () => {
      const { url, cert } = await startTlsServer();
      const store = openStore(url);
      onTestFinished(() => store.close());
      await expect(store.ping()).rejects.toMatchObject({ reason: 'tls' });
      expect(await pingTrusting(url, cert)).toBe('pong\n');
    });
  },
);

async function startTlsServer(): Promise<{ url: string; cert: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1'];
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  spawnSync('openssl', [...made, ...name, '-keyout', key, '-out', cert]);
  const port = await freePort();
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
  const server = await startRedisServer(
    ...['--tls-port', String(port), ...files, '--tls-auth-clients', 'no'],
  );
  onTestFinished(() => server.stop());
  return { url: `rediss://localhost:${port}`, cert };
}

/** Node reads NODE_EXTRA_CA_CERTS at its start only. */
async function pingTrusting(url: string, cert: string): Promise<string> {
  const program = `
    import { openStore } from './lib/stores/open-store.ts';
    const store = openStore(process.env.STORE);
    await store.ping();
    await store.close();
    console.log('pong');`;
  const { stdout } = await runBundled(program, { NODE_EXTRA_CA_CERTS: cert, STORE: url });
  return stdout;
}
