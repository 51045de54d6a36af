import { createAuthClient } from 'latchkey/client';
import { createDpopFetch } from 'latchkey/client/dpop';
import { afterEach, expect, it, vi } from 'vitest';
import { PASSWORD } from '../world/auth-server.js';
import { serveClientApp } from './client-app.js';

afterEach(() => void vi.useRealTimers());

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
