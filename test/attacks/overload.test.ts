import { setTimeout as wait } from 'node:timers/promises';
import { type AuthError, type LiveSession, postgresStore } from 'latchkey';
import { Client, Pool } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addUser, type AuthServer, serveAuth } from '../world/auth-server.js';
import { callAgain } from '../world/come-again.js';
import { createPostgresSchema } from '../world/postgres-schema.js';
import { isMissing, postgresUrl } from '../world/services.js';

const withoutPostgres = await isMissing('PostgreSQL', postgresUrl);

/** An application with few connections to its database, and somebody who can lock the sessions there. */
async function crowdedServer({ connections }: { readonly connections: number }) {
  const schema = createPostgresSchema();
  await schema.create();
  onTestFinished(() => schema.drop());
  const pool = new Pool({
    connectionString: schema.url,
    max: connections,
    connectionTimeoutMillis: 4000,
    query_timeout: 4000,
  });
  pool.on('error', () => undefined);
  onTestFinished(() => pool.end());
  const server = await serveAuth({ store: postgresStore(pool) });
  onTestFinished(() => server.auth.close());
  const other = new Client(schema.url);
  await other.connect();
  onTestFinished(() => other.end());
  return {
    server,
    lock: () => other.query('BEGIN; LOCK TABLE latchkey_sessions IN ACCESS EXCLUSIVE MODE'),
    unlock: () => other.query('COMMIT'),
  };
}

async function startSessions(server: AuthServer, count: number): Promise<readonly string[]> {
  const user = await addUser(server);
  const notes = {
    amr: ['pwd'],
    authTime: 0,
    acr: undefined,
    device: undefined,
    delivery: 'body',
  } as const;
  const tokens: string[] = [];
  const begin = async (): Promise<void> => {
    while (tokens.length < count)
      tokens.push((await callAgain(() => server.auth.sessions.start(user, notes))).refreshToken);
  };
  // A few at once: all of them would be a load of their own.
  await Promise.all(Array.from({ length: 5 }, begin));
  return tokens.slice(0, count);
}

describe.skipIf(withoutPostgres)('W1 a store that stops answering, and 300 who ask it', () => {
  it('most are told at once to come again, nothing is half done, and then all of them are served', async ({
    signal,
  }) => {
    const { server, lock, unlock } = await crowdedServer({ connections: 2 });
    const tokens = await startSessions(server, 300);
    const refresh = (token: string): Promise<AuthError | LiveSession> =>
      server.auth.sessions.refresh(token).catch((error: AuthError) => error);
    const refusals = (): number =>
      server.events
        .filter(({ name }) => name === 'store.failed')
        .map(({ event }) => event as { readonly reason: string; readonly count?: number })
        .filter(({ reason }) => reason === 'overload')
        .reduce((sum, { count = 0 }) => sum + count, 0);

    await lock();
    const first = tokens.slice(0, 30).map(refresh);
    while (refusals() === 0 && first.length < 90) {
      // One after the other, until the application knows.
      // oxlint-disable-next-line no-await-in-loop
      await wait(50);
      first.push(...tokens.slice(first.length, first.length + 1).map(refresh));
    }
    const rest = await Promise.all(tokens.slice(first.length).map(refresh));
    for (const answer of [...rest, ...(await Promise.all(first))])
      expect(answer).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        status: 503,
        headers: { 'Retry-After': '2' },
      });
    await expect.poll(refusals).toBeGreaterThan(rest.length - 40);
    const told = server.events.filter(({ name }) => name === 'store.failed');
    expect(told.length).toBeLessThan(100);

    await unlock();
    let waiting = tokens;
    while (waiting.length > 0 && !signal.aborted) {
      const answers = await Promise.all(waiting.map(refresh));
      waiting = waiting.filter((_token, index) => answers[index] instanceof Error);
      await wait(100);
    }
    expect(waiting).toEqual([]);
    const names = server.events.map(({ name }) => name);
    expect(names).not.toContain('refresh.reused');
    expect(names).not.toContain('session.revoked');
  }, 60_000);

  it('100 at once are all served while it answers', async () => {
    const { server } = await crowdedServer({ connections: 5 });
    const tokens = await startSessions(server, 100);
    const answers = await Promise.all(
      tokens.map((token) => server.post('/api/auth/refresh', { refresh_token: token })),
    );
    expect(answers.map(({ status }) => status).filter((status) => status !== 200)).toEqual([]);
  }, 30_000);
});
