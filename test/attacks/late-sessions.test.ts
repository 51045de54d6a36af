import express from 'express';
import { describe, expect, it } from 'vitest';
import { type AuthOptions, createAuth, type Mail, memoryStore } from 'latchkey';
import { addUser, BASE, PASSWORD } from '../world/auth-server.js';
import { hostileLogin } from '../world/hostile-login.js';
import { startHostileProvider } from '../world/hostile-provider.js';
import { createHttpBrowser, type HttpBrowser, type Page } from '../world/http-browser.js';
import { reservePort, serveLoginApp } from '../world/login-app.js';

/** An application with a hostile provider that is honest for once, and somebody who has signed in with it. */
async function world(options: AuthOptions = {}, mails: Mail[] = []) {
  const port = await reservePort();
  const provider = await startHostileProvider();
  const { issuer, clientId, clientSecret } = provider;
  const app = serveLoginApp(
    port,
    { oidc: { corp: { issuer, clientId, clientSecret } }, ...options },
    { sendMail: (mail) => mails.push(mail) },
  );
  async function signIn(browser: HttpBrowser, query = ''): Promise<URL> {
    const away = await browser.open(`${app.origin}/api/auth/login/corp?${query}`, {
      until: (url) => url.origin === issuer,
    });
    const page = await browser.open(await provider.authorize(away.url));
    return new URL(page.url);
  }
  return { ...app, provider, signIn, browser: createHttpBrowser() };
}

/** Signs alice in with her password, and goes as far as the provider to link an identity there. */
async function beginLink(browser: HttpBrowser, origin: string): Promise<Page> {
  const page = await browser.open(`${origin}/api/auth/signin`);
  await browser.submit(page, { username: 'alice', password: PASSWORD });
  return browser.open(`${origin}/api/auth/link/corp`, {
    form: {},
    from: origin,
    until: (url) => url.pathname.endsWith('/authorize'),
  });
}

async function isSignedIn(browser: HttpBrowser, origin: string): Promise<boolean> {
  const { body } = await browser.fetch(`${origin}/api/auth/session`);
  return (JSON.parse(body) as { authenticated: boolean }).authenticated;
}

describe('a sign-in that was proven before everything of its user was ended', () => {
  it.each([
    { title: 'by a log-out everywhere', end: 'all' },
    { title: 'by the provider', end: 'backchannel' },
    { title: 'by its session’s end at the provider', end: 'sid' },
  ] as const)('opens no session afterwards: $title', async ({ end }) => {
    const { auth, provider, signIn, browser, origin } = await world();
    if (end === 'sid') provider.misbehave({ idTokenClaims: { sid: 'there-1' } });
    const page = await signIn(browser, 'mode=code&returnTo=/inside');
    const code = page.searchParams.get('auth_code');
    const [user] = await auth.users.list({ limit: 1 });
    if (end === 'all') await auth.sessions.revoke({ userId: user?.id ?? '' }, 'logout');
    else
      await fetch(`${origin}/api/auth/backchannel/corp`, {
        method: 'POST',
        body: new URLSearchParams({
          logout_token: await provider.logoutToken(
            end === 'sid' ? { sub: undefined, sid: 'there-1' } : { sid: undefined },
          ),
        }),
      });
    const exchanged = await browser.fetch(`${origin}/api/auth/exchange`, { json: { code } });
    expect(exchanged.status).toBe(401);
    expect(JSON.parse(exchanged.body)).toMatchObject({ code: 'LOGIN_FAILED' });
    expect(await auth.sessions.list(user?.id ?? '')).toEqual([]);
  });

  it('opens none either when they are ended while it begins', async () => {
    const store = memoryStore();
    const all: { auth?: Awaited<ReturnType<typeof world>>['auth'] } = {};
    const { auth, signIn, browser, origin } = await world({
      store: {
        ...store,
        sessions: {
          ...store.sessions,
          async create(session) {
            await all.auth?.sessions.revoke({ userId: session.userId }, 'logout');
            await store.sessions.create(session);
          },
        },
      },
    });
    all.auth = auth;
    await signIn(browser);
    expect(await isSignedIn(browser, origin)).toBe(false);
    const [user] = await auth.users.list({ limit: 1 });
    expect(await auth.sessions.list(user?.id ?? '')).toEqual([]);
  });

  it('opens one when only somebody else’s were ended', async () => {
    const { auth, signIn, browser, origin } = await world();
    const alice = await addUser({ auth });
    const page = await signIn(browser, 'mode=code&returnTo=/inside');
    await auth.sessions.revoke({ userId: alice.id }, 'logout');
    const code = page.searchParams.get('auth_code');
    const exchanged = await browser.fetch(`${origin}/api/auth/exchange`, { json: { code } });
    expect(exchanged.status).toBe(200);
  });
});

describe('a reset by the owner of an address', () => {
  async function reset(origin: string, mails: Mail[], email: string): Promise<number> {
    const json = { 'content-type': 'application/json' };
    const body = JSON.stringify({ email });
    mails.length = 0;
    await fetch(`${origin}/api/auth/forgot-password`, { method: 'POST', headers: json, body });
    await expect.poll(() => mails.find(({ kind }) => kind === 'password_reset')).toBeDefined();
    const [mail] = mails;
    const token = mail?.kind === 'password_reset' ? mail.data.token : '';
    const answer = await fetch(`${origin}/api/auth/reset-password`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ token, new_password: 'one that only the owner knows' }),
    });
    return answer.status;
  }

  it('takes the account from whoever made it with that address, also when the store fails once', async () => {
    const mails: Mail[] = [];
    const store = memoryStore();
    let failures = 0;
    const { auth, provider, signIn, browser, origin } = await world(
      {
        store: {
          ...store,
          credentials: {
            ...store.credentials,
            async revoke(id, now) {
              if (failures > 0) {
                failures -= 1;
                throw new Error('down');
              }
              return store.credentials.revoke(id, now);
            },
          },
        },
      },
      mails,
    );
    provider.misbehave({ userinfo: { email: 'victim@corp.example' } });
    await signIn(browser);
    expect(await isSignedIn(browser, origin)).toBe(true);
    failures = 1;
    expect(await reset(origin, mails, 'victim@corp.example')).toBe(503);
    expect(await reset(origin, mails, 'victim@corp.example')).toBe(200);
    expect(await isSignedIn(browser, origin)).toBe(false);
    const again = createHttpBrowser();
    await signIn(again);
    expect(await isSignedIn(again, origin)).toBe(false);
    expect((await auth.users.findByLogin('victim@corp.example'))?.emailVerified).toBe(true);
  });

  interface Owner {
    readonly origin: string;
    readonly mails: Mail[];
    readonly browser: HttpBrowser;
  }

  function byReset({ origin, mails }: Owner): Promise<number> {
    return reset(origin, mails, 'alice@corp.example');
  }

  async function byChange({ origin, browser }: Owner): Promise<number> {
    const [old_password, new_password] = [PASSWORD, 'one that only the owner knows'];
    const json = { old_password, new_password, remove_identities: true };
    return (await browser.fetch(`${origin}/api/auth/change-password`, { json })).status;
  }

  it.each([
    { title: 'a reset', end: byReset, linkedBy: [] },
    { title: 'a change that removes all providers', end: byChange, linkedBy: ['request'] },
  ])('an identity that is being linked during $title does not stay', async ({ end, linkedBy }) => {
    const mails: Mail[] = [];
    const store = memoryStore();
    const all: { link?: () => Promise<unknown> } = {};
    const { auth, provider, signIn, browser, origin } = await world(
      {
        store: {
          ...store,
          users: {
            ...store.users,
            // Identities have been removed by now, and the password is not yet another one.
            async update(id, change) {
              const { link } = all;
              delete all.link;
              await link?.();
              return store.users.update(id, change);
            },
          },
        },
      },
      mails,
    );
    await addUser({ auth }, { email: 'alice@corp.example', emailVerified: true });
    const linking = await beginLink(browser, origin);
    const linked: string[] = [];
    auth.on('identity.linked', ({ by }) => linked.push(by));
    all.link = async () => browser.open(await provider.authorize(linking.url));
    expect(await end({ origin, mails, browser })).toBe(200);
    expect(linked).toEqual(linkedBy);
    const thief = createHttpBrowser();
    await signIn(thief);
    const { body } = await thief.fetch(`${origin}/api/auth/session`);
    expect(body).not.toContain('alice@corp.example');
  });

  it('ends every other way in, also one that was added in its name', async () => {
    const mails: Mail[] = [];
    const { auth, signIn, browser, origin } = await world({}, mails);
    await addUser({ auth }, { email: 'alice@corp.example', emailVerified: true });
    const linking = await beginLink(browser, origin);
    expect(linking.url).toContain('/authorize');
    expect(await reset(origin, mails, 'alice@corp.example')).toBe(200);
    const thief = createHttpBrowser();
    await signIn(thief);
    const { body } = await thief.fetch(`${origin}/api/auth/session`);
    expect(body).not.toContain('alice@corp.example');
  });
});

describe('deleting a user', () => {
  async function deleted(options: AuthOptions = {}) {
    const { auth, signIn, browser, origin } = await world(options);
    await signIn(browser);
    const [user] = await auth.users.list({ limit: 1 });
    const { id = '' } = user ?? {};
    const tokens = await browser.fetch(`${origin}/api/auth/refresh`, { json: {} });
    const { access_token: token } = JSON.parse(tokens.body) as { access_token: string };
    await addUser({ auth }, { username: 'root', roles: ['admin'] });
    const admin = createHttpBrowser();
    await admin.submit(await admin.open(`${origin}/api/auth/signin`), {
      username: 'root',
      password: PASSWORD,
    });
    const remove = async (): Promise<number> =>
      (await admin.fetch(`${origin}/api/auth/users/${id}`, { method: 'DELETE' })).status;
    const statusWithToken = async (): Promise<number> =>
      (
        await createHttpBrowser().fetch(`${origin}/api/me`, {
          headers: { authorization: `Bearer ${token}` },
        })
      ).status;
    return { auth, signIn, id, remove, statusWithToken };
  }

  it('deleting a user ends their sessions, access tokens among them', async () => {
    const { auth, id, remove, statusWithToken } = await deleted();
    expect(await statusWithToken()).toBe(200);
    expect(await remove()).toBe(204);
    expect(await auth.sessions.list(id)).toEqual([]);
    expect(await statusWithToken()).toBe(401);
  });

  it('deleting a user unlinks their identities: a sign-in with one of them makes another user', async () => {
    const { auth, signIn, id, remove } = await deleted();
    expect(await remove()).toBe(204);
    await signIn(createHttpBrowser());
    const others = (await auth.users.list({ limit: 10 })).filter(
      ({ username }) => username !== 'root',
    );
    expect(others).toHaveLength(1);
    expect(others[0]?.id).not.toBe(id);
  });

  it('deleting a user again ends the sessions that an outage left the first time', async () => {
    const store = memoryStore();
    let failures = 0;
    const { auth, id, remove, statusWithToken } = await deleted({
      store: {
        ...store,
        sessions: {
          ...store.sessions,
          async revoke(selector, how) {
            if (failures > 0) {
              failures -= 1;
              throw new Error('down');
            }
            return store.sessions.revoke(selector, how);
          },
        },
      },
    });
    failures = 1;
    expect(await remove()).toBe(503);
    expect(await remove()).toBe(404);
    expect(await auth.sessions.list(id)).toEqual([]);
    expect(await statusWithToken()).toBe(401);
  });
});

describe('adding a way to sign in', () => {
  async function linkAs(options: { ageMs?: number; mustReset?: boolean }) {
    let ahead = 0;
    const { auth, browser, origin } = await world({ now: () => Date.now() + ahead });
    await addUser({ auth }, { mustResetPassword: options.mustReset ?? false });
    const page = await browser.open(`${origin}/api/auth/signin?returnTo=/inside`);
    await browser.submit(page, { username: 'alice', password: PASSWORD });
    ahead = options.ageMs ?? 0;
    return browser.fetch(`${origin}/api/auth/link/corp`, { json: {} });
  }

  it('needs a session that has just begun', async () => {
    expect((await linkAs({ ageMs: 590_000 })).status).toBe(200);
    const answer = await linkAs({ ageMs: 610_000 });
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'AUTH_CONTEXT_REQUIRED', max_age: 600 });
  });

  it('has to wait until a temporary password is changed', async () => {
    const answer = await linkAs({ mustReset: true });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'PASSWORD_CHANGE_REQUIRED' });
  });
});

it('a new address is not proven by the proof of the former one', async () => {
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
  const user = await addUser({ auth }, { email: 'a@corp.example', emailVerified: true });
  expect((await auth.users.update(user.id, { roles: ['x'] })).emailVerified).toBe(true);
  const changed = await auth.users.update(user.id, { email: 'victim@corp.example' });
  expect(changed.emailVerified).toBe(false);
  const told = await auth.users.update(user.id, { email: 'b@corp.example', emailVerified: true });
  expect(told.emailVerified).toBe(true);
});

describe('no browser is sent round in circles', () => {
  it.each([
    { title: 'an application that has revoked', options: { isRevoked: () => true } },
    { title: 'a hook that knows no such user', options: { loadPrincipal: () => undefined } },
  ])('by $title', async ({ options }) => {
    const port = await reservePort();
    const auth = createAuth({ ...BASE, publicUrl: port.origin, ...(options as AuthOptions) });
    const app = express();
    app.use('/api/auth', auth.router());
    app.get('/', auth.requireAuth({ redirect: true }), (_req, res) => void res.send('in'));
    port.serve(app);
    await addUser({ auth });
    const browser = createHttpBrowser();
    const page = await browser.open(port.origin);
    const after = await browser.submit(page, { username: 'alice', password: PASSWORD });
    expect(after.status).toBe(200);
    expect(new URL(after.url).searchParams.get('again')).toBe('1');
    // And can still sign out.
    const out = await browser.fetch(`${port.origin}/api/auth/logout`, { json: {} });
    expect(out.status).toBe(204);
    expect(await isSignedIn(browser, port.origin)).toBe(false);
  });

  it('by a wish that a provider without such wishes cannot fulfil', async () => {
    const port = await reservePort();
    const app = serveLoginApp(port, { github: { clientId: 'x', clientSecret: 'y' } });
    const browser = createHttpBrowser();
    const strong = await browser.open(`${app.origin}/api/auth/login/github?max_age=300`);
    expect(strong.status).toBe(401);
    const silent = await browser.open(
      `${app.origin}/api/auth/login/github?prompt=none&returnTo=/inside`,
    );
    expect(silent.url).toBe(`${app.origin}/inside?auth_error=interaction_required`);
  });

  it('by a rule that nobody can be back in time for', () => {
    const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
    expect(() => auth.requireAuthContext({ maxAgeSeconds: 0, redirect: true })).toThrow(TypeError);
  });
});

it('what somebody wished for is not forgotten on the page where the provider is chosen', async () => {
  const { origin } = await hostileLogin();
  const browser = createHttpBrowser();
  const page = await browser.open(
    `${origin}/api/auth/login?mode=code&acr_values=strong&max_age=60&returnTo=/inside`,
  );
  const links = [...page.body.matchAll(/href="([^"]*\/login\/[^"]*)"/g)].map(([, href = '']) =>
    href.replaceAll('&#38;', '&'),
  );
  expect(links).toHaveLength(2);
  for (const link of links)
    expect(Object.fromEntries(new URL(link, origin).searchParams)).toEqual({
      mode: 'code',
      acr_values: 'strong',
      max_age: '60',
      returnTo: '/inside',
    });
});

it('an outage does not use a one-time code up', async () => {
  const store = memoryStore();
  let isDown = false;
  const { signIn, browser, origin } = await world({
    store: {
      ...store,
      once: {
        ...store.once,
        take: (key, now) =>
          isDown ? Promise.reject(new Error('down')) : store.once.take(key, now),
      },
    },
  });
  const page = await signIn(browser, 'mode=code&returnTo=/inside');
  const code = page.searchParams.get('auth_code');
  isDown = true;
  const during = await browser.fetch(`${origin}/api/auth/exchange`, { json: { code } });
  expect(during.status).toBe(503);
  isDown = false;
  const after = await browser.fetch(`${origin}/api/auth/exchange`, { json: { code } });
  expect(after.status).toBe(200);
});
