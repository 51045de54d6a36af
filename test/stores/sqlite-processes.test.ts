import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openStore } from 'latchkey';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createDatabaseFolder } from '../world/database-folder.js';
import { startAuthProcess } from '../world/auth-process.js';
import { addUser, bearer, createClient, serveAuth } from '../world/auth-server.js';
import { PATIENCE } from '../world/patience.js';

it('a limit reached, or a session ended, in one process on a SQLite file holds in another one', async () => {
  const folder = createDatabaseFolder();
  const url = `file:${join(folder, 'auth.db')}`;
  const store = openStore(url);
  const loginLimit = { max: 5, windowSeconds: 60 };
  const here = await serveAuth({ store, loginLimit, sessions: { revocationLagSeconds: 1 } });
  const process = await startAuthProcess(url);
  const there = createClient(process);
  onTestFinished(async () => {
    await process.kill();
    await here.auth.close();
    await store.close();
    rmSync(folder, { recursive: true });
  });
  await addUser(here);

  const tokens = await here.signIn('alice');
  const me = async (): Promise<number> => (await here.get('/api/me', bearer(tokens))).status;
  expect(await me()).toBe(200);
  expect((await there.post('/api/auth/logout', {}, bearer(tokens))).status).toBeLessThan(300);
  // The lag is a second; a busy machine of tests may take longer.
  await vi.waitFor(async () => expect(await me()).toBe(401), PATIENCE);

  const logIn = (client: Pick<typeof there, 'post'>): Promise<Response> =>
    client.post('/api/auth/login', { username: 'alice', password: 'not her password' });
  for (let attempt = 0; attempt < 5; attempt += 1)
    // oxlint-disable-next-line no-await-in-loop
    expect((await logIn(there)).status).toBe(401);
  await wait(200);
  const refused = await logIn(here);
  expect(refused.status).toBe(429);
}, 60_000);
