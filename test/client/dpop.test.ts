import { createAuthClient } from 'latchkey/client';
import { createDpopFetch } from 'latchkey/client/dpop';
import { afterEach, expect, it, vi } from 'vitest';
import { PASSWORD } from '../world/auth-server.js';
import { serveClientApp } from './client-app.js';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const WITH_NONCES = {
  dpop: { mode: 'required', nonceTtlSeconds: 60 },
  secret: 'kQ3vT9mB8sXw2kL6tR1yN5uH9cE3gP7dFaVoIqTz',
} as const;

it.each([
  { title: 'proofs without nonces', options: { dpop: { mode: 'required' } } as const },
  { title: 'proofs with nonces', options: WITH_NONCES },
])('signs in, calls and refreshes where $title are required', async ({ options }) => {
  const app = await serveClientApp(options);
  await app.addUser('alice');
  const baseUrl = `${app.origin}/api`;
  const client = createAuthClient({ baseUrl, fetch: createDpopFetch() });
  const session = await client.login({ username: 'alice', password: PASSWORD });
  expect(session).toMatchObject({ authenticated: true });
  const answer = await client.fetch('/me?verbose=1');
  expect(await answer.json()).toMatchObject({ username: 'alice', authorization: 'DPoP' });
  const token = await client.token();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
  expect((await client.fetch('/me')).status).toBe(200);
  expect(await client.token()).not.toBe(token);
  await client.logout();
  expect(client.current).toEqual({ authenticated: false });
});

it('makes a stolen token worthless', async () => {
  const app = await serveClientApp({ dpop: { mode: 'accepted' } });
  await app.addUser('alice');
  const baseUrl = `${app.origin}/api`;
  const client = createAuthClient({ baseUrl, fetch: createDpopFetch() });
  await client.login({ username: 'alice', password: PASSWORD });
  const token = (await client.token()) ?? '';
  const other = createDpopFetch();
  for (const [send, scheme] of [
    [fetch, 'Bearer'],
    [fetch, 'DPoP'],
    [other, 'DPoP'],
    [other, 'Bearer'],
  ] as const) {
    const headers = { Authorization: `${scheme} ${token}` };
    expect((await send(`${baseUrl}/me`, { headers })).status).toBe(401);
  }
});

it('leaves the token of a session that began without a key as it is', async () => {
  const app = await serveClientApp({ dpop: { mode: 'accepted' } });
  await app.addUser('alice');
  const baseUrl = `${app.origin}/api`;
  const plain = createAuthClient({ baseUrl });
  await plain.login({ username: 'alice', password: PASSWORD });
  const client = createAuthClient({ baseUrl, fetch: createDpopFetch() });
  client.setToken(await plain.token());
  const answer = await client.fetch('/me');
  expect(await answer.json()).toMatchObject({ authorization: 'Bearer' });
});

it('sends a stream once, and the next request with the nonce', async () => {
  const app = await serveClientApp(WITH_NONCES);
  await app.addUser('alice');
  const baseUrl = `${app.origin}/api`;
  const client = createAuthClient({ baseUrl, fetch: createDpopFetch() });
  await client.login({ username: 'alice', password: PASSWORD });
  const fresh = createDpopFetch();
  const send = async (): Promise<number> => {
    const body = new Blob(['streamed']).stream();
    const init = { method: 'POST', body, duplex: 'half' } as const;
    return (await fresh(`${baseUrl}/auth/login`, init)).status;
  };
  expect(await send()).toBe(401);
  expect(await send()).not.toBe(401);
  expect(app.count('POST /api/auth/login')).toBe(4);
});

it.each([
  { hours: 5, options: { dpop: { mode: 'required' } } as const },
  { hours: -5, options: { dpop: { mode: 'required' } } as const },
  { hours: 5, options: WITH_NONCES },
])('works where the clock is off by $hours hours', async ({ hours, options }) => {
  const offMs = hours * 3_600_000;
  const app = await serveClientApp({ ...options, now: () => Date.now() - offMs });
  await app.addUser('alice');
  // The header `Date` is by the clock of the machine, which is the server's here.
  app.outage = (_req, res) => {
    res.setHeader('Date', new Date(Date.now() - offMs).toUTCString());
    return false;
  };
  const client = createAuthClient({ baseUrl: `${app.origin}/api`, fetch: createDpopFetch() });
  await client.login({ username: 'alice', password: PASSWORD });
  const before = app.log.length;
  expect((await client.fetch('/me')).status).toBe(200);
  // It is known by now.
  expect(app.log.slice(before)).toEqual(['GET /api/me']);
});

it('keeps the clocks of two servers apart', async () => {
  const fetchWithProof = createDpopFetch();
  const servers = await Promise.all(
    [0, -5].map(async (hours) => {
      const offMs = hours * 3_600_000;
      const app = await serveClientApp({
        dpop: { mode: 'required' },
        now: () => Date.now() + offMs,
      });
      await app.addUser('alice');
      app.outage = (_req, res) => {
        res.setHeader('Date', new Date(Date.now() + offMs).toUTCString());
        return false;
      };
      const client = createAuthClient({ baseUrl: `${app.origin}/api`, fetch: fetchWithProof });
      await client.login({ username: 'alice', password: PASSWORD });
      app.log.length = 0;
      return { app, client };
    }),
  );
  for (const { client } of [...servers, ...servers])
    expect((await client.fetch('/me')).status).toBe(200);
  for (const { app } of servers) expect(app.log).toEqual(['GET /api/me', 'GET /api/me']);
});

it('gives up a proof that is refused again and again', async () => {
  const app = await serveClientApp({ dpop: { mode: 'required' } });
  await app.addUser('alice');
  app.outage = (_req, res) => {
    res.setHeader('Date', 'yesterday');
    return false;
  };
  const offMs = 3_600_000;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + offMs });
  const wrong = createDpopFetch({
    fetch(...request) {
      vi.setSystemTime(Date.now() - offMs);
      const answer = fetch(...request);
      return answer.finally(() => void vi.setSystemTime(Date.now() + offMs));
    },
  });
  const client = createAuthClient({ baseUrl: `${app.origin}/api`, fetch: wrong });
  const failure = client.login({ username: 'alice', password: PASSWORD });
  await expect(failure).rejects.toMatchObject({ code: 'REFUSED', status: 401 });
  expect(app.count('POST /api/auth/login')).toBe(3);
});

it('proves the method as it is sent', async () => {
  const app = await serveClientApp({ dpop: { mode: 'required' } });
  await app.addUser('alice');
  const client = createAuthClient({ baseUrl: `${app.origin}/api`, fetch: createDpopFetch() });
  await client.login({ username: 'alice', password: PASSWORD });
  expect((await client.fetch('/me', { method: 'get' })).status).toBe(200);
  expect((await client.fetch('/echo', { method: 'post', body: 'x' })).status).toBe(200);
});

/** A request of IndexedDB that ends so. */
function opening(type: 'error' | 'success' | undefined, result?: unknown) {
  const target = new EventTarget();
  if (type) queueMicrotask(() => void target.dispatchEvent(new Event(type)));
  return Object.assign(target, { result });
}

it.each([
  {
    title: 'refuses at once',
    open: () => {
      throw new Error('SecurityError');
    },
  },
  { title: 'fails', open: () => opening('error') },
  { title: 'never answers', open: () => opening(undefined) },
  {
    title: 'opens, and fails then',
    open: () =>
      opening('success', {
        transaction: () => ({ objectStore: () => ({ get: () => opening('error') }) }),
        close: () => {},
      }),
  },
  {
    title: 'opens, and never answers then',
    open: () =>
      opening('success', {
        transaction: () => ({ objectStore: () => ({ get: () => opening(undefined) }) }),
        close: () => {},
      }),
  },
])('has a key for the page where IndexedDB $title, as in private windows', async ({ open }) => {
  vi.stubGlobal('indexedDB', { open });
  const app = await serveClientApp({ dpop: { mode: 'required' } });
  await app.addUser('alice');
  const client = createAuthClient({ baseUrl: `${app.origin}/api`, fetch: createDpopFetch() });
  await client.login({ username: 'alice', password: PASSWORD });
  const answer = await client.fetch('/me');
  expect(await answer.json()).toMatchObject({ authorization: 'DPoP' });
});

it('is refused at once on a page without https, which has no keys', () => {
  vi.stubGlobal('crypto', {});
  expect(() => createDpopFetch()).toThrow(TypeError);
});
