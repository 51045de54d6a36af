import express from 'express';
import { describe, expect, it } from 'vitest';
import {
  type AuthOptions,
  type AuthRouterOptions,
  createAuth,
  memoryStore,
  principalOf,
} from 'latchkey';
import { addUser, BASE, PASSWORD, recordEvents } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { reservePort } from '../world/login-app.js';

/** Pages and an API behind the session cookie, and Alice, who has signed in on the page. */
async function world(options: AuthOptions = {}, routes: AuthRouterOptions = {}) {
  let time = Date.parse('2026-11-24T12:00:00Z');
  const port = await reservePort();
  const auth = createAuth({
    ...BASE,
    publicUrl: port.origin,
    now: () => time,
    ...options,
  });
  const events = recordEvents(auth);
  const app = express();
  app.use('/api/auth', auth.router(routes));
  app.get('/inside', auth.requireAuth({ redirect: true }), (req, res) => {
    res.send(`inside for ${principalOf(req).user.username}`);
  });
  app.get(
    '/vault',
    auth.requireAuth({ redirect: true }),
    auth.requireAuthContext({ maxAgeSeconds: 300, redirect: true }),
    (_req, res) => void res.send('vault'),
  );
  app.use('/api/notes', auth.requireAuth({ sessionCookie: true }));
  app.get('/api/notes', (req, res) => void res.json(principalOf(req)));
  app.post('/api/notes', (_req, res) => void res.status(201).end());
  app.get('/api/tokens-only', auth.requireAuth(), (_req, res) => void res.json({}));
  app.get('/api/notes/token', (req, res) => void res.json({ token: principalOf(req).token }));
  app.use(auth.errorHandler());
  port.serve(app);
  const user = await addUser({ auth }, { roles: ['admin'] });
  const browser = createHttpBrowser();
  const { origin } = port;
  async function signIn(): Promise<void> {
    const page = await browser.open(`${origin}/api/auth/signin?returnTo=/inside`);
    const after = await browser.submit(page, { username: 'alice', password: PASSWORD });
    expect(after.url).toBe(`${origin}/inside`);
  }
  return { auth, user, browser, origin, events, signIn, pass: (ms: number) => (time += ms) };
}

describe('the session cookie as a credential', () => {
  it('opens what is behind `sessionCookie: true`, and nothing else', async () => {
    const { browser, origin, signIn } = await world();
    await signIn();
    const notes = await browser.fetch(`${origin}/api/notes`);
    expect(JSON.parse(notes.body)).toMatchObject({
      method: 'session',
      user: { username: 'alice', roles: ['admin'] },
      scopes: ['users:admin'],
    });
    expect(notes.headers['vary']).toContain('Cookie');
    expect((await browser.fetch(`${origin}/api/tokens-only`)).status).toBe(401);
  });

  it('opens everything with AUTH_COOKIE_SESSIONS', async () => {
    const { browser, origin, signIn } = await world({ cookieSessions: true });
    await signIn();
    expect((await browser.fetch(`${origin}/api/tokens-only`)).status).toBe(200);
    const me = await browser.fetch(`${origin}/api/auth/me`);
    expect(JSON.parse(me.body)).toMatchObject({ method: 'session', user: { username: 'alice' } });
  });

  it('gives handlers an access token to send upstream, and never the refresh token', async () => {
    const { browser, origin, signIn } = await world({ tokenScopes: () => ['notes:read'] });
    await signIn();
    const { token } = JSON.parse((await browser.fetch(`${origin}/api/notes/token`)).body) as {
      token: string;
    };
    const bearer = { authorization: `Bearer ${token}` };
    const response = await fetch(`${origin}/api/tokens-only`, { headers: bearer });
    expect(response.status).toBe(200);
    const notes = await browser.fetch(`${origin}/api/notes`);
    expect(JSON.parse(notes.body)).toMatchObject({ scopes: ['notes:read'] });
  });

  it.each([
    { title: 'another site', headers: { 'sec-fetch-site': 'cross-site' } },
    { title: 'a sub-domain', headers: { 'sec-fetch-site': 'same-site' } },
    {
      title: 'another origin, by an old browser',
      headers: { 'sec-fetch-site': '', origin: 'https://evil.example' },
    },
    { title: 'a sandboxed frame', headers: { 'sec-fetch-site': '', origin: 'null' } },
  ])('$title cannot use it for a change', async ({ headers }) => {
    const { browser, origin, signIn } = await world();
    await signIn();
    const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
    const cookie = [...browser.cookies('localhost')].map(([name, value]) => `${name}=${value}`);
    const response = await fetch(`${origin}/api/notes`, {
      method: 'POST',
      headers: { cookie: cookie.join('; '), 'content-type': 'text/plain', ...given },
      body: '{"a":1}',
    });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'CROSS_SITE_REQUEST' });
  });

  it('a page of ours may change things, and what is no browser must say so and send JSON', async () => {
    const { browser, origin, signIn } = await world();
    await signIn();
    expect((await browser.fetch(`${origin}/api/notes`, { json: {} })).status).toBe(201);
    const cookie = [...browser.cookies('localhost')].map(([name, value]) => `${name}=${value}`);
    const send = (headers: Record<string, string>) =>
      fetch(`${origin}/api/notes`, {
        method: 'POST',
        headers: { cookie: cookie.join('; '), ...headers },
        body: '{}',
      });
    const json = { 'content-type': 'application/json' };
    expect((await send(json)).status).toBe(403);
    expect((await send({ ...json, 'x-csrf': '1' })).status).toBe(201);
    expect((await send({ 'content-type': 'text/plain', 'x-csrf': '1' })).status).toBe(415);
  });

  it.each([
    { title: 'a page of ours', headers: { 'sec-fetch-site': 'same-origin' }, isLet: true },
    { title: 'another site', headers: { origin: 'https://evil.example' }, isLet: false },
    { title: 'a sub-domain', headers: { 'sec-fetch-site': 'same-site' }, isLet: false },
  ])('a WebSocket of $title: $isLet', async ({ headers, isLet }) => {
    const { auth, browser, origin, signIn } = await world({ cookieSessions: true });
    await signIn();
    const cookie = [...browser.cookies('localhost')].map(([name, value]) => `${name}=${value}`);
    const upgrade = {
      method: 'GET',
      headers: { cookie: cookie.join('; '), upgrade: 'websocket', host: origin, ...headers },
    };
    const answer = auth.authenticate(upgrade);
    const outcome = await answer.catch((error: unknown) => error);
    expect(outcome).toMatchObject(isLet ? { method: 'session' } : { code: 'CROSS_SITE_REQUEST' });
  });

  it.each([
    { title: 'log-out', end: 'logout' },
    { title: 'a disabled user', end: 'disable' },
    { title: 'the lag, for a disabled user whose sessions were not revoked', end: 'onlyDisable' },
    { title: 'the lag, for a deleted user whose sessions were not revoked', end: 'onlyDelete' },
    { title: 'the idle limit', end: 'idle' },
  ] as const)('is worth nothing after $title', async ({ end }) => {
    const { auth, user, browser, origin, signIn, pass } = await world({
      refreshIdleTtlSeconds: 3600,
    });
    await signIn();
    expect((await browser.fetch(`${origin}/api/notes`)).status).toBe(200);
    const stolen = browser.cookies('localhost').get('latchkey-session') ?? '';
    if (end === 'logout') await browser.fetch(`${origin}/api/auth/logout`, { json: {} });
    if (end === 'disable') {
      await auth.users.update(user.id, { disabled: true });
      await auth.sessions.revoke({ userId: user.id }, 'disabled');
    }
    if (end === 'onlyDisable') await auth.users.update(user.id, { disabled: true });
    if (end === 'onlyDelete') await auth.users.delete(user.id);
    if (end.startsWith('only')) pass(5001);
    if (end === 'idle') pass(3_601_000);
    browser.setCookie('localhost', 'latchkey-session', stolen);
    expect((await browser.fetch(`${origin}/api/notes`)).status).toBe(401);
  });

  it.each([
    '',
    'x',
    'r1.AAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA.0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ])('a cookie that nobody made counts as none: %j', async (value) => {
    const { browser, origin } = await world();
    browser.setCookie('localhost', 'latchkey-session', value);
    expect((await browser.fetch(`${origin}/api/notes`)).status).toBe(401);
  });

  it('is looked up in the store once in a while, and a change of the user shows then', async () => {
    const { auth, user, browser, origin, signIn, pass } = await world();
    await signIn();
    const rolesNow = async () =>
      (
        JSON.parse((await browser.fetch(`${origin}/api/notes`)).body) as {
          user: { roles: string[] };
        }
      ).user.roles;
    expect(await rolesNow()).toEqual(['admin']);
    await auth.users.update(user.id, { roles: ['reader'] });
    expect(await rolesNow()).toEqual(['admin']);
    pass(5001);
    expect(await rolesNow()).toEqual(['reader']);
  });

  it('lives on while it is used: the session is touched at most once a minute, and the cookie left alone', async () => {
    const { auth, user, browser, origin, signIn, pass } = await world({
      refreshIdleTtlSeconds: 3600,
    });
    await signIn();
    const before = (await auth.sessions.list(user.id))[0];
    pass(30_000);
    expect((await browser.fetch(`${origin}/api/notes`)).headers['set-cookie']).toBeUndefined();
    pass(31_000);
    // A cookie that is set by a slow answer would replace one that was renewed meanwhile.
    expect((await browser.fetch(`${origin}/api/notes`)).headers['set-cookie']).toBeUndefined();
    const after = (await auth.sessions.list(user.id))[0];
    expect(after?.version).toBe((before?.version ?? 0) + 1);
    for (let minute = 0; minute < 100; minute += 1) {
      pass(60_001);
      expect((await browser.fetch(`${origin}/api/notes`)).status).toBe(200);
    }
  });

  it('an outage of the store is 503 for the cookie, not 401', async () => {
    const store = memoryStore();
    let isDown = false;
    const { browser, origin, signIn, pass } = await world({
      store: {
        ...store,
        sessions: {
          ...store.sessions,
          get: (id) => (isDown ? Promise.reject(new Error('down')) : store.sessions.get(id)),
        },
      },
    });
    await signIn();
    expect((await browser.fetch(`${origin}/api/notes`)).status).toBe(200);
    isDown = true;
    expect((await browser.fetch(`${origin}/api/notes`)).status).toBe(200);
    pass(5001);
    const response = await browser.fetch(`${origin}/api/notes`);
    expect(response.status).toBe(503);
    expect(response.headers['retry-after']).toBeDefined();
    isDown = false;
    expect((await browser.fetch(`${origin}/api/notes`)).status).toBe(200);
  });
});

describe('requireAuth({ redirect: true })', () => {
  it('sends a page to the sign-in page and back, and answers scripts with 401', async () => {
    const { browser, origin } = await world();
    const page = await browser.open(`${origin}/inside?a=1&b=%2F`);
    expect(page.url).toBe(
      `${origin}/api/auth/signin?returnTo=${encodeURIComponent('/inside?a=1&b=%2F')}`,
    );
    expect(page.status).toBe(200);
    const after = await browser.submit(page, { username: 'alice', password: PASSWORD });
    expect(after.url).toBe(`${origin}/inside?a=1&b=%2F`);
    expect(after.body).toBe('inside for alice');
    const stranger = createHttpBrowser();
    const answer = await stranger.fetch(`${origin}/inside`);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="api"');
  });

  it.each([
    { title: 'an old browser that wants a page', accept: 'text/html', status: 303 },
    { title: 'a script without Fetch Metadata', accept: 'application/json', status: 401 },
    { title: 'curl', accept: '*/*', status: 401 },
  ])('$title is answered with $status', async ({ accept, status }) => {
    const { origin } = await world();
    const { request } = await import('node:http');
    const answered = await new Promise<number | undefined>((resolve) => {
      request(`${origin}/inside`, { headers: { accept } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect(answered).toBe(status);
  });

  it('a stale sign-in is renewed on the way to a page that wants a recent one', async () => {
    const { browser, origin, signIn, pass } = await world();
    await signIn();
    expect((await browser.open(`${origin}/vault`)).body).toBe('vault');
    pass(301_000);
    const page = await browser.open(`${origin}/vault`);
    expect(new URL(page.url).pathname).toBe('/api/auth/signin');
    const after = await browser.submit(page, { username: 'alice', password: PASSWORD });
    expect(after.url).toBe(`${origin}/vault`);
    expect(after.body).toBe('vault');
  });

  it.each(['//evil.example', 'https://evil.example', '', 'signin'])(
    'refuses to start with %j for its page',
    async (redirect) => {
      const { auth } = await world();
      expect(() => auth.requireAuth({ redirect })).toThrow(TypeError);
      expect(() => auth.requireAuthContext({ maxAgeSeconds: 1, redirect })).toThrow(TypeError);
    },
  );
});
