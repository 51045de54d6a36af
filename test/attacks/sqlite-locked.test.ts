import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openStore } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addUser, bearer, serveAuth, type Tokens } from '../world/auth-server.js';
import { comeAgain } from '../world/come-again.js';
import { holdSqliteLock } from '../world/sqlite-lock.js';
import { watchStandstills } from '../world/standstill.js';

async function world() {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-'));
  const path = join(folder, 'auth.db');
  const store = openStore(`file:${path}`);
  const server = await serveAuth({ store });
  onTestFinished(async () => {
    await server.auth.close();
    await store.close();
    rmSync(folder, { recursive: true });
  });
  await addUser(server);
  const refresh = ({ refresh_token }: Tokens): Promise<Response> =>
    server.post('/api/auth/refresh', { refresh_token });
  return { ...server, path, refresh };
}

/** W3. */
describe('while another process holds the write lock of the SQLite file', () => {
  it('other routes are answered, refreshes are 503, and afterwards all of them are renewed', async () => {
    const { path: file, get, refresh, signIn, events } = await world();
    const sessions = await Promise.all(Array.from({ length: 20 }, () => signIn('alice')));
    const lock = await holdSqliteLock(file);
    const standstills = await watchStandstills();

    const refused = Promise.all(sessions.map(refresh));
    const isOver = refused.then(() => true);
    while (!(await Promise.race([isOver, wait(50, false)]))) {
      // Without the store, and with a look at it.
      for (const path of ['/api/me', '/api/strict']) {
        const answer = await get(path, bearer(sessions[0] as Tokens));
        expect(answer.status).toBe(200);
      }
    }
    // A statement that waits inside SQLite would stop this thread for seconds.
    expect(standstills.max).toBeLessThan(1500);
    for (const answer of await refused) {
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).not.toBeNull();
    }

    await lock.release();
    const renewed = await Promise.all(sessions.map((session) => comeAgain(() => refresh(session))));
    for (const answer of renewed) expect(answer.status).toBe(200);
    expect(events.filter(({ name }) => name === 'refresh.reused')).toEqual([]);
  }, 60_000);
});
