import { chmodSync, mkdtempSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { openStore, sqliteStore, type Store } from 'latchkey';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function open(path: string): Store {
  const store = openStore(`file:${path}`);
  onTestFinished(() => store.close());
  return store;
}

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

const life = { now: 0, expiresAt: 1000 };

describe.skipIf(process.platform === 'win32')('the files of a SQLite store', () => {
  it('are made for their owner alone, as is their folder', async () => {
    const folder = join(createFolder(), 'data', 'auth');
    const path = join(folder, 'auth.db');
    await open(path).once.add('code', '', life);
    expect([folder, path, `${path}-wal`, `${path}-shm`].map(modeOf)).toEqual([
      ...['700', '600', '600', '600'],
    ]);
  });

  it('keep their mode when they are there, and one warning says who can read them', async () => {
    const warnings: string[] = [];
    const emitting = vi
      .spyOn(process, 'emitWarning')
      .mockImplementation((text) => void warnings.push(String(text)));
    onTestFinished(() => emitting.mockRestore());
    const folder = createFolder();
    const path = join(folder, 'auth.db');
    writeFileSync(path, '', { mode: 0o640 });
    chmodSync(path, 0o640);
    await open(path).ping();
    await open(path).ping();
    expect(modeOf(path)).toBe('640');
    expect(warnings).toEqual([expect.stringContaining(path)]);
    const own = join(folder, 'own.db');
    await open(own).ping();
    await open(own).ping();
    expect(warnings).toHaveLength(1);
  });
});

describe('a SQLite store that cannot be used rejects and says why', () => {
  it('a file that is no database', async () => {
    const path = join(createFolder(), 'auth.db');
    writeFileSync(path, 'name,password\n'.repeat(100), { mode: 0o600 });
    await expect(open(path).ping()).rejects.toMatchObject({ reason: 'database' });
  });

  it('a folder in place of a file', async () => {
    const path = join(createFolder(), 'auth.db');
    mkdirSync(path, { mode: 0o700 });
    await expect(open(path).ping()).rejects.toMatchObject({ reason: 'database' });
  });

  it('a path through something that is no folder', async () => {
    const path = join(createFolder(), 'file');
    writeFileSync(path, '');
    await expect(open(join(path, 'auth.db')).ping()).rejects.toMatchObject({
      reason: 'database',
    });
  });

  it('a connection that may only read', async () => {
    const path = join(createFolder(), 'auth.db');
    await open(path).ping();
    const database = new Database(path);
    onTestFinished(() => void database.close());
    database.pragma('query_only = 1');
    const store = sqliteStore(database);
    await expect(store.once.take('code', 0)).rejects.toThrow('readonly');
    await expect(store.sessions.get('nobody')).resolves.toBeUndefined();
  });

  it('a full disk, and works again when there is room', async () => {
    const database = new Database(join(createFolder(), 'auth.db'));
    onTestFinished(() => void database.close());
    const store = sqliteStore(database);
    await store.ping();
    database.pragma('max_page_count = 1'); // as many as there are
    const large = 'x'.repeat(100_000);
    await expect(store.once.add('code', large, life)).rejects.toMatchObject({
      code: 'SQLITE_FULL',
    });
    database.pragma('max_page_count = 1000000');
    await expect(store.once.add('code', large, life)).resolves.toBe(true);
  });
});
