import { createVerifier, memoryStore, type Store } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { addUser, type AuthServer, bearer, PASSWORD, serveAuth } from '../world/auth-server.js';
import { runBundled } from '../world/bundle.js';
import { refusalOf } from '../world/refusal-of.js';

/** Two instances that share nothing but the store. */
async function twoInstances(options: Parameters<typeof serveAuth>[0] = {}) {
  const store = memoryStore();
  const here = await serveAuth({ store, ...options });
  const there = await serveAuth({ store, ...options });
  await addUser(here);
  return { store, here, there, tokens: await here.signIn('alice') };
}

const statusOf = async ({ get }: AuthServer, path: string, headers: Record<string, string>) =>
  (await get(path, headers)).status;

describe('a revoked session', () => {
  it('is refused here at once, elsewhere within the lag, and elsewhere at once with checkSession', async () => {
    const { here, there, tokens } = await twoInstances({ sessions: { revocationLagSeconds: 1 } });
    for (const server of [here, there])
      for (const path of ['/api/me', '/api/strict'])
        expect(await statusOf(server, path, bearer(tokens))).toBe(200);
    await here.post('/api/auth/revoke', { refresh_token: tokens.refresh_token });
    expect(await statusOf(here, '/api/me', bearer(tokens))).toBe(401);
    expect(await statusOf(there, '/api/strict', bearer(tokens))).toBe(401);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await statusOf(there, '/api/me', bearer(tokens))).toBe(401);
  });

  it('is refused by an instance that started afterwards, from its first request on', async () => {
    const { store, here, tokens } = await twoInstances();
    await here.post('/api/auth/revoke', { refresh_token: tokens.refresh_token });
    const late = await serveAuth({ store });
    expect(await statusOf(late, '/api/me', bearer(tokens))).toBe(401);
  });

  it('leaves the user’s other sessions alone', async () => {
    const { here, tokens } = await twoInstances();
    const other = await here.signIn('alice');
    await here.post('/api/auth/logout', {}, bearer(tokens));
    expect(await statusOf(here, '/api/me', bearer(other))).toBe(200);
  });

  it('a hook of the application is asked as well', async () => {
    const asked: (string | undefined)[] = [];
    const isRevoked = ({ sessionId }: { sessionId: string | undefined }): boolean => {
      asked.push(sessionId);
      return asked.length > 1;
    };
    const { here, tokens } = await twoInstances({ isRevoked });
    expect(await statusOf(here, '/api/me', bearer(tokens))).toBe(200);
    expect(await statusOf(here, '/api/me', bearer(tokens))).toBe(401);
    expect(asked).toHaveLength(2);
  });
});

it('a revoked token is refused for each of the requests that waited for the same keys', async () => {
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const asked: unknown[] = [];
  const verifier = createVerifier({
    issuers: issuer.policy,
    isRevoked: ({ sessionId }) => asked.push(sessionId) > 0,
  });
  const token = await issuer.mint({ sid: 'ended' });
  const codes = await Promise.all(
    Array.from({ length: 3 }, async () => (await refusalOf(verifier.verify(token))).code),
  );
  expect(codes).toEqual(Array(3).fill('TOKEN_REVOKED'));
  expect(asked).toEqual(Array(3).fill('ended'));
  expect(issuer.fetchCounts.jwks).toBe(1);
});

/** A store that can be switched off. */
function breakable(): { store: Store; breakDown: () => void } {
  const store = memoryStore();
  let isDown = false;
  const guard = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get: (target, name, receiver) =>
        isDown && name !== 'onRevoked'
          ? () => Promise.reject(new Error('connect ECONNREFUSED secret-host'))
          : (Reflect.get(target, name, receiver) as unknown),
    });
  return {
    store: {
      ...store,
      sessions: guard({ ...store.sessions }),
      once: guard({ ...store.once }),
      users: guard({ ...store.users }),
    },
    breakDown: () => {
      isDown = true;
    },
  };
}

describe('with the store down', () => {
  it('bearer tokens go on, and everything else is 503 with Retry-After and touches no cookie', async () => {
    const { store, breakDown } = breakable();
    const server = await serveAuth({ store });
    await addUser(server);
    const tokens = await server.signIn('alice');
    breakDown();
    expect(await statusOf(server, '/api/me', bearer(tokens))).toBe(200);
    expect(await statusOf(server, '/api/auth/me', bearer(tokens))).toBe(200);
    const cookie = { cookie: `latchkey-session=${tokens.refresh_token}`, 'x-csrf': '1' };
    const answers = [
      await server.post('/api/auth/login', { username: 'alice', password: PASSWORD }),
      await server.post('/api/auth/refresh', {}, cookie),
      await server.post('/api/auth/logout', {}, cookie),
      await server.post('/api/auth/revoke', { refresh_token: tokens.refresh_token }),
      await server.get('/api/auth/sessions', bearer(tokens)),
      await server.get('/api/strict', bearer(tokens)),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(await answer.text()).not.toContain('secret-host');
    }
    expect(server.events.some(({ name }) => name === 'store.failed')).toBe(true);
    expect(JSON.stringify(server.events)).not.toContain('secret-host');
  });

  it('an instance that starts goes on with bearer tokens, and ready() says why not', async () => {
    const healthy = await serveAuth();
    await addUser(healthy);
    const tokens = await healthy.signIn('alice');
    const { store, breakDown } = breakable();
    breakDown();
    const server = await serveAuth({
      store: { ...store, ping: () => Promise.reject(new Error('down')) },
    });
    expect(await statusOf(server, '/api/me', bearer(tokens))).toBe(200);
    await expect(server.auth.ready()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('a store that does not answer is given up on', async () => {
    const store = memoryStore();
    const { steadyStore } = await import('../../lib/stores/steady/steady-store.js');
    const events: unknown[] = [];
    const steady = steadyStore(
      { ...store, sessions: { ...store.sessions, get: () => new Promise(() => undefined) } },
      { events: { emit: (name, event) => void events.push([name, event]) }, timeoutMs: 20 },
    );
    await expect(steady.sessions.get('x')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(events).toEqual([['store.failed', { operation: 'sessions.get', reason: 'timeout' }]]);
  });
});

it('checkSession without sessions of our own is a TypeError', async () => {
  const { requireAuth } = await import('latchkey');
  const verifier = createVerifier({
    issuers: { issuer: 'x', audience: 'y', keys: { secret: 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0E' } },
  });
  expect(() => requireAuth(verifier, { checkSession: true })).toThrow(TypeError);
});

it('timers keep no process alive', async () => {
  const program = `
    import { createAuth } from 'latchkey';
    const auth = createAuth({ env: {}, publicUrl: 'http://localhost:3000', jwt: { secret: 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0E' } });
    auth.router();
    await auth.ready();
    console.log('ready');`;
  expect(await runBundled(program)).toEqual({ code: 0, stdout: 'ready\n' });
});
