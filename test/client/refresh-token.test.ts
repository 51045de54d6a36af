import { createAuthClient } from 'latchkey/client';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PASSWORD } from '../world/auth-server.js';
import { serveClientApp } from './client-app.js';
import { withCookies } from './with-cookies.js';
import { PATIENCE } from '../world/patience.js';

afterEach(() => void vi.useRealTimers());

async function serveTwoUsers() {
  const app = await serveClientApp();
  await app.addUser('alice');
  await app.addUser('bob');
  // What a code is exchanged for is in the body, also where passwords lead to a cookie.
  app.outage = (req) => {
    if (req.url === '/api/auth/exchange') req.url = '/api/auth/login';
    return false;
  };
  return app;
}

/** Alice, in a page that has her refresh token in memory. */
async function signedInByCode({ origin }: { readonly origin: string }) {
  const client = createAuthClient({
    baseUrl: `${origin}/api`,
    fetch: withCookies({ code: { username: 'alice', password: PASSWORD, delivery: 'body' } }),
    delivery: 'cookie',
  });
  onTestFinished(() => client.close());
  await client.login({ code: 'code' });
  return client;
}

const anHourLater = () => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });

describe('a refresh token in memory', () => {
  it('is the one that counts where another log-in has a cookie', async () => {
    const app = await serveTwoUsers();
    const parts = { baseUrl: `${app.origin}/api`, fetch: withCookies() };
    const client = createAuthClient({ ...parts, retryForMs: 0 });
    await client.login({ username: 'alice', password: PASSWORD });
    const page = createAuthClient({ ...parts, delivery: 'cookie' });
    onTestFinished(() => page.close());
    await page.login({ username: 'bob', password: PASSWORD });
    anHourLater();
    expect(await (await client.fetch('/me')).json()).toMatchObject({ username: 'alice' });
    expect(app.count('POST /api/auth/refresh')).toBe(1);
  });

  it('is forgotten when a log-in has put its own into the cookie', async () => {
    const app = await serveTwoUsers();
    const client = await signedInByCode(app);
    await client.login({ username: 'bob', password: PASSWORD });
    anHourLater();
    expect(await (await client.fetch('/me')).json()).toMatchObject({ username: 'bob' });
  });

  it('is kept by a page that comes back from the back/forward cache', async () => {
    const app = await serveTwoUsers();
    const page = new EventTarget();
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    onTestFinished(() => void vi.unstubAllGlobals());
    const client = await signedInByCode(app);
    const told: boolean[] = [];
    client.onChange(({ authenticated }) => told.push(authenticated));
    page.dispatchEvent(new Event('pagehide'));
    page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    await client.session();
    anHourLater();
    expect(await (await client.fetch('/me')).json()).toMatchObject({ username: 'alice' });
    expect(told).toEqual([]);
  });

  it('is kept when another tab tells of the token of another user', async () => {
    const app = await serveTwoUsers();
    const code = { username: 'alice', password: PASSWORD, delivery: 'body' };
    const parts = { baseUrl: `${app.origin}/api`, delivery: 'cookie' } as const;
    const client = createAuthClient({ ...parts, fetch: withCookies({ code }) });
    const tab = createAuthClient({ ...parts, fetch: withCookies() });
    const watcher = createAuthClient({ ...parts, fetch: withCookies() });
    onTestFinished(() => [client, tab, watcher].forEach((each) => each.close()));
    await client.login({ code: 'code' });
    await tab.login({ username: 'bob', password: PASSWORD });
    // Channels deliver in order: what it has heard, the client has.
    await vi.waitUntil(async () => (await watcher.token()) !== undefined, PATIENCE);
    expect(await (await client.fetch('/me')).json()).toMatchObject({ username: 'alice' });
    anHourLater();
    expect(await (await client.fetch('/me')).json()).toMatchObject({ username: 'alice' });
  });
});
