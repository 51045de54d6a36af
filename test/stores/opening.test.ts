import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { openStore, postgresStore } from 'latchkey';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { lazyStore } from '../../lib/stores/lazy-store.js';
import { memoryStore } from '../../lib/stores/memory/memory.js';
import { buildPackage, root } from '../package/build-package.js';
import { PATIENCE } from '../world/patience.js';
import { createPostgresSchema } from '../world/postgres-schema.js';
import { isMissing, postgresUrl, redisUrl } from '../world/services.js';

const run = promisify(execFile);
const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-opening-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const withoutPostgres = await isMissing('PostgreSQL', postgresUrl);
const withoutRedis = await isMissing('Redis', redisUrl);

describe('ten instances that start at once', () => {
  beforeAll(() => buildPackage(), 120_000);

  it('make one schema in SQLite, as processes', async () => {
    const file = path.join(folder, 'ten.db');
    const program = `
      import { openStore } from 'latchkey';
      const store = openStore('file:${file}');
      await store.ping();
      await store.once.incr('starts', { now: 0, windowMs: 1000 });
      await store.close();`;
    const args = ['--input-type=module', '-e', program];
    await Promise.all(Array.from({ length: 10 }, () => run(process.execPath, args, { cwd: root })));
    const store = openStore(`file:${file}`);
    onTestFinished(() => store.close());
    expect((await store.once.incr('starts', { now: 0, windowMs: 1000 })).count).toBe(11);
  });

  it.skipIf(withoutPostgres)(
    'make one schema in PostgreSQL, on connections of their own',
    async () => {
      const schema = createPostgresSchema();
      await schema.create();
      onTestFinished(() => schema.drop());
      const stores = Array.from({ length: 10 }, () => openStore(schema.url));
      await Promise.all(stores.map((store) => store.ping()));
      const counts = await Promise.all(
        stores.map((store) => store.once.incr('starts', { now: 0, windowMs: 1000 })),
      );
      expect(new Set(counts.map(({ count }) => count)).size).toBe(10);
      await Promise.all(stores.map((store) => store.close()));
    },
  );
});

describe('the schema', () => {
  it('is left alone when a newer release has made it', async () => {
    const url = `file:${path.join(folder, 'newer.db')}`;
    const first = openStore(url);
    await first.ping();
    await first.close();
    const { default: Database } = await import('libsql');
    const database = new Database(url.slice('file:'.length));
    database.exec('INSERT INTO latchkey_schema (version) VALUES (99)');
    database.close();
    const store = openStore(url);
    await expect(store.ping()).rejects.toThrow(/version 99.*upgrade the package/);
    await store.close();
  });

  it('outlives the connection, with all that is kept in it', async () => {
    const url = `file:${path.join(folder, 'deep', 'er', 'kept.db')}`;
    const first = openStore(url);
    await first.once.add('key', 'kept', { now: 0, expiresAt: 1000 });
    await first.close();
    const second = openStore(url);
    expect(await second.once.take('key', 1)).toBe('kept');
    await second.close();
  });
});

/** Stands between us and a service, and can cut all connections or stop answering. */
async function startProxy(target: string) {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let mode: 'open' | 'refusing' | 'silent' = 'open';
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => undefined);
    if (mode === 'refusing') client.destroy();
    if (mode !== 'open') return;
    const upstream = connect(Number(port), hostname);
    sockets.add(upstream);
    upstream.on('error', () => undefined);
    client.on('data', (data) => mode === 'open' && upstream.write(data));
    upstream.on('data', (data) => mode === 'open' && client.write(data));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    switchTo(next: typeof mode): void {
      mode = next;
      if (next === 'refusing') for (const socket of sockets) socket.destroy();
    },
  };
}

describe.each([
  { name: 'PostgreSQL', isAbsent: withoutPostgres, target: postgresUrl },
  { name: 'Redis', isAbsent: withoutRedis, target: `${redisUrl}/13` },
])('an outage of $name', ({ isAbsent, target }) => {
  it.skipIf(isAbsent)(
    'is an error for each caller, ends no process, and is over when the service is back',
    async () => {
      const proxy = await startProxy(target);
      proxy.switchTo('refusing');
      const store = openStore(proxy.url);
      onTestFinished(() => store.close());
      await expect(store.ping()).rejects.toBeInstanceOf(Error);
      proxy.switchTo('open');
      await store.ping();
      proxy.switchTo('refusing');
      await expect(store.ping()).rejects.toBeInstanceOf(Error);
      proxy.switchTo('open');
      await vi.waitFor(() => store.ping(), PATIENCE);
    },
  );

  it.skipIf(isAbsent)('that takes connections and says nothing ends in an error, too', async () => {
    const proxy = await startProxy(target);
    proxy.switchTo('silent');
    const store = openStore(proxy.url);
    onTestFinished(() => store.close());
    await expect(store.ping()).rejects.toBeInstanceOf(Error);
  });
});

describe('opening by URL', () => {
  it.each(['mysql://host/db', 'nothing', 'http://host', '__proto__:x'])(
    '%s is a TypeError',
    (url) => {
      expect(() => openStore(url)).toThrow(TypeError);
    },
  );

  it('an error never quotes the URL, which may hold a password', async () => {
    for (const url of ['postgres://me:hunter2@127.0.0.1:1/x', 'redis://me:hunter2@127.0.0.1:1']) {
      const store = openStore(url);
      const error = await store.ping().catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(Error);
      expect(String(error) + JSON.stringify(error)).not.toContain('hunter2');
      await store.close();
    }
  });

  it('a closed store says so', async () => {
    const store = openStore(`file:${path.join(folder, 'closed.db')}`);
    await store.ping();
    await store.close();
    await expect(store.ping()).rejects.toThrow('closed');
  });

  it('a failed opening is tried again, one that succeeded is not', async () => {
    let attempts = 0;
    const store = lazyStore(async () => {
      attempts += 1;
      if (attempts === 1) throw new Error('not yet');
      return memoryStore();
    });
    await expect(store.ping()).rejects.toThrow('not yet');
    await Promise.all([store.ping(), store.ping(), store.users.list({ limit: 1 })]);
    expect(attempts).toBe(2);
  });
});

it.skipIf(withoutPostgres)(
  'in PostgreSQL every operation of sessions is one statement',
  async () => {
    const schema = createPostgresSchema();
    await schema.create();
    onTestFinished(() => schema.drop());
    const pool = new Pool({ connectionString: schema.url });
    onTestFinished(() => pool.end());
    const sent: string[] = [];
    const store = postgresStore({
      query(text, values) {
        sent.push(text);
        return pool.query(text, values);
      },
    });
    await store.ping();
    const now = 1_800_000_000_000;
    const times = {
      rotatedAt: now,
      createdAt: now,
      lastUsedAt: now,
      idleExpiresAt: now + 10,
      expiresAt: now + 20,
    };
    const session = {
      id: 'a',
      userId: 'u',
      kid: 'k',
      salt: 's',
      generation: 0,
      provider: undefined,
      data: '{}',
      ...times,
    };
    const operations: (() => Promise<unknown>)[] = [
      () => store.sessions.create(session),
      () => store.sessions.get('a'),
      () => store.sessions.rotate('a', { generation: 0, kid: 'k', now, idleExpiresAt: now + 10 }),
      () => store.sessions.update('a', { version: 0, data: 'x' }),
      () => store.sessions.listByUser('u', now),
      () => store.sessions.revoke({ userId: 'u' }, { now, reason: 'x' }),
      () => store.sessions.sweep(now - 1),
    ];
    // A reader that begins looks for revocations from before there was an order as well.
    operations.push(async () => {
      const [last] = await store.sessions.revokedSince(now);
      sent.length = 0;
      return store.sessions.revokedSince(now, { after: last?.position });
    });
    for (const operation of operations) {
      sent.length = 0;
      await operation();
      expect(sent).toHaveLength(1);
    }
  },
);
