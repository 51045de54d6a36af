import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore, postgresStore } from 'latchkey';
import { Client, Pool } from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectPostgres, newSession, NOW, postgresWorld } from '../world/postgres-world.js';
import { isMissing, postgresUrl } from '../world/services.js';
import { PATIENCE } from '../world/patience.js';

const life = { now: NOW, expiresAt: NOW + 1000 };

/** A database of the test's own, which can be switched to read-only as a server that is no longer the primary. */
async function ownDatabase() {
  const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
  const admin = await connectPostgres(postgresUrl);
  await admin.query(`CREATE DATABASE ${name}`);
  onTestFinished(async () => {
    const client = new Client(postgresUrl);
    await client.connect();
    await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await client.end();
  });
  const url = new URL(postgresUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    setReadOnly: (how: 'on' | 'off') =>
      admin.query(`ALTER DATABASE ${name} SET default_transaction_read_only = ${how}`),
    endConnections: () =>
      admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
        name,
      ]),
  };
}

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))('W2: PostgreSQL', () => {
  it('that was read-only is written to as soon as new connections may', async () => {
    const database = await ownDatabase();
    const store = openStore(database.url);
    onTestFinished(() => store.close());
    await Promise.all(Array.from({ length: 8 }, () => store.ping()));
    await database.setReadOnly('on');
    await database.endConnections();
    await expect(store.once.add('first', 'value', life)).rejects.toBeInstanceOf(Error);
    // All of the pool's connections lead to what can only be read.
    await Promise.allSettled(Array.from({ length: 10 }, () => store.users.findById('nobody')));
    await expect(store.once.add('first', 'value', life)).rejects.toMatchObject({
      reason: 'readonly',
    });
    await Promise.all(Array.from({ length: 10 }, () => store.users.findById('nobody')));
    await database.setReadOnly('off');
    await store.once.add('second', 'value', life).catch(() => undefined);
    const added = Array.from({ length: 20 }, (_, at) => store.once.add(`key ${at}`, 'value', life));
    expect(await Promise.all(added)).toEqual(Array(20).fill(true));
  });

  it('that ends connections ends neither the process nor the work, also of a pool without a listener', async () => {
    const { url, endConnections } = await postgresWorld();
    const pool = new Pool({ connectionString: url });
    onTestFinished(() => pool.end());
    const store = postgresStore(pool);
    await Promise.all(Array.from({ length: 5 }, () => store.ping()));
    const removed = new Promise((resolve) => pool.once('remove', resolve));
    await endConnections();
    await removed;
    await vi.waitFor(() => store.ping(), PATIENCE);
    const lost = store.together?.(async () => {
      await store.ping();
      await endConnections();
      await sleep(100);
      await store.ping();
    });
    await expect(lost).rejects.toBeInstanceOf(Error);
    await store.ping();
  });

  it('that ends the connection of a client ends no process', async () => {
    const { url, endConnections } = await postgresWorld();
    const single = new Client(url);
    await single.connect();
    const store = postgresStore(single);
    await store.sessions.create(newSession());
    await endConnections();
    await sleep(100);
    await expect(store.ping()).rejects.toBeInstanceOf(Error);
  });

  it('takes one connection for what is done together, and for what is done at once several', async () => {
    const { url } = await postgresWorld();
    const pool = new Pool({ connectionString: url, max: 1 });
    onTestFinished(() => pool.end());
    const store = postgresStore(pool);
    let acquired = 0;
    await store.ping();
    pool.on('acquire', () => (acquired += 1));
    const found = await store.together?.(async () => {
      const read = await Promise.all([store.sessions.get('a'), store.users.findById('a')]);
      return [...read, await store.together?.(() => store.once.take('a', NOW))];
    });
    expect(found).toEqual([undefined, undefined, undefined]);
    expect(acquired).toBe(1);
    await expect(store.together?.(() => Promise.reject(new Error('ours')))).rejects.toThrow('ours');
    await store.ping();
  });
});
