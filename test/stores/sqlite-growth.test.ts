import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { openStore } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDatabaseFolder } from '../world/database-folder.js';

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;

/** A store with sessions that were all begun by one user, in one statement. */
async function filledStore(sessions: number) {
  const folder = createDatabaseFolder();
  const path = join(folder, 'auth.db');
  const store = openStore(`file:${path}`);
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  await store.ping();
  const database = new Database(path);
  database.exec(
    `INSERT INTO latchkey_sessions (id, user_id, kid, salt, generation, rotated_at, version, created_at, last_used_at,
       idle_expires_at, expires_at, data)
     WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ${sessions})
     SELECT 'session ' || number, 'bot', 'k1', 'salt', 0, ${NOW}, 0, ${NOW}, ${NOW}, ${NOW + DAY_MS}, ${NOW + DAY_MS}, '{}'
     FROM numbers`,
  );
  database.close();
  return { store, path };
}

describe('a SQLite store with many sessions of one user', () => {
  it('ends all of them but one, and the process goes on meanwhile', async () => {
    const { store } = await filledStore(3000);
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const selector = { userId: 'bot', except: 'session 7' };
    const ids = await store.sessions.revoke(selector, { now: NOW, reason: 'logout' });
    isOver = true;
    expect(turns).toBeGreaterThan(4);
    expect(new Set(ids).size).toBe(2999);
    const left = await store.sessions.listByUser('bot', NOW);
    expect(left.map(({ id }) => id)).toEqual(['session 7']);
  });

  it('leaves no log behind when what ended has been swept', async () => {
    const { store, path } = await filledStore(3000);
    const end = NOW + 2 * DAY_MS;
    while ((await store.sessions.sweep(end, 1000)) === 1000);
    expect(await store.sessions.get('session 1')).toBeUndefined();
    expect(statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  });
});
