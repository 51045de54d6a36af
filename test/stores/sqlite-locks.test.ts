import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import Database from 'libsql';
import { type SqliteDatabase, type Store, openStore, sqliteStore } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDatabaseFolder } from '../world/database-folder.js';
import { holdSqliteLock } from '../world/sqlite-lock.js';

function createPath(): string {
  const folder = createDatabaseFolder();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'auth.db');
}

function open(path: string): Store {
  const store = openStore(`file:${path}`);
  onTestFinished(() => store.close());
  return store;
}

/** A connection that counts how often it was asked for a statement's rows. */
function countingDatabase(path: string) {
  const database = new Database(path);
  onTestFinished(() => void database.close());
  let asked = 0;
  const counting: SqliteDatabase = {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        all(...values) {
          asked += 1;
          return statement.all(...values);
        },
      };
    },
  };
  return { database: counting, asked: () => asked };
}

const life = { now: 0, expiresAt: 1_000_000 };

describe('while another process holds the write lock of a SQLite file', () => {
  it('the first one who waits tries, the others follow in the order of their calls', async () => {
    const path = createPath();
    const { database, asked } = countingDatabase(path);
    const store = sqliteStore(database);
    await store.ping();
    const lock = await holdSqliteLock(path);

    const before = asked();
    const counts = Array.from({ length: 60 }, () =>
      store.once.incr('attempts', { now: 0, windowMs: 1_000_000 }),
    );
    await wait(400);
    expect(asked() - before).toBeLessThan(45);
    await lock.release();
    expect((await Promise.all(counts)).map(({ count }) => count)).toEqual(
      counts.map((_, index) => index + 1),
    );
  });

  it('reads are answered', async () => {
    const path = createPath();
    const store = open(path);
    await store.once.add('code', 'value', life);
    const lock = await holdSqliteLock(path);
    let isWritten = false;
    const writing = store.once.take('code', 1).finally(() => (isWritten = true));
    await expect(store.sessions.get('nobody')).resolves.toBeUndefined();
    await expect(store.ping()).resolves.toBeUndefined();
    expect(isWritten).toBe(false);
    await lock.release();
    await expect(writing).resolves.toBe('value');
  });

  it('the grace of a rotation begins when it takes effect', async () => {
    const path = createPath();
    const store = open(path);
    const now = 1_000_000;
    const times = { rotatedAt: 0, createdAt: 0, lastUsedAt: 0, expiresAt: 9_000_000 };
    await store.sessions.create({
      ...{ id: 'id', userId: 'user', kid: 'k1', salt: 'salt', generation: 0, data: '{}' },
      ...{ ...times, idleExpiresAt: 2_000_000, provider: undefined },
    });
    const lock = await holdSqliteLock(path);
    const rotation = { generation: 0, kid: 'k1', now, idleExpiresAt: 2_000_000 };
    const rotating = store.sessions.rotate('id', rotation);
    await wait(500);
    await lock.release();
    const rotated = await rotating;
    expect(rotated?.rotatedAt).toBeGreaterThan(now + 450);
    expect(rotated).toMatchObject({ generation: 1, lastUsedAt: now });
  });

  it('what has not taken effect within the patience never does, even if the lock has gone meanwhile', async () => {
    const path = createPath();
    const { database } = countingDatabase(path);
    const store = sqliteStore(database);
    await store.ping();
    const lock = await holdSqliteLock(path);
    const early = store.once.add('early', '', life).catch((error: Error) => error.message);
    const released = lock.release();
    // A process that stands still cannot try, and it must not do so afterwards.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4200);
    expect(await early).toContain('locked');
    await released;
    await expect(store.once.add('early', '', life)).resolves.toBe(true);
  });

  it('a thousand wait and no more: whoever comes then is refused at once, and the others when the store is closed', async () => {
    const path = createPath();
    const store = open(path);
    await store.ping();
    const lock = await holdSqliteLock(path);
    const refused: number[] = [];
    const adding = Array.from({ length: 1200 }, (_, index) =>
      store.once.add(`code ${index}`, '', life).catch(() => refused.push(index)),
    );
    await adding.at(-1);
    expect(refused).toEqual(Array.from({ length: 200 }, (_, index) => 1000 + index));
    await store.close();
    await Promise.all(adding);
    expect(refused).toHaveLength(1200);
    await lock.release();
  });

  it.each(['BEGIN IMMEDIATE', 'BEGIN EXCLUSIVE'])(
    'a new file is prepared when the other process has ended its %s',
    async (begin) => {
      const path = createPath();
      const lock = await holdSqliteLock(path, begin);
      const one = open(path);
      const two = open(path);
      const adding = [one.once.add('code', '', life), two.once.add('code', '', life)];
      await wait(100);
      await lock.release();
      expect((await Promise.all(adding)).filter(Boolean)).toHaveLength(1);
    },
  );
});
