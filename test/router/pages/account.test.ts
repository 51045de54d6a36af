import { describe, expect, it } from 'vitest';
import type { AuthOptions } from 'latchkey';
import { addUser, PASSWORD } from '../../world/auth-server.js';
import { createHttpBrowser, type Page } from '../../world/http-browser.js';
import { ADA, linkingApp } from '../../world/linking-app.js';
import { reservePort, serveLoginApp } from '../../world/login-app.js';

async function world(options: AuthOptions = {}) {
  const app = serveLoginApp(await reservePort(), options);
  const user = await addUser(app);
  const at = `${app.origin}/api/auth`;
  const signedIn = async (returnTo = '/api/auth/account') => {
    const browser = createHttpBrowser();
    const query = new URLSearchParams({ returnTo }).toString();
    const page = await browser.open(`${at}/signin?${query}`);
    return { browser, page: await browser.submit(page, { username: 'alice', password: PASSWORD }) };
  };
  const sessions = async () => (await app.auth.sessions.list(user.id)).length;
  return { ...app, at, user, signedIn, sessions };
}

const actionsOf = ({ body }: Page) =>
  [...body.matchAll(/action="([^"]*)"/g)].map(([, action]) => action ?? '');

describe('the account page', () => {
  it('asks a stranger to sign in, and then is there', async () => {
    const { at, signedIn } = await world();
    const page = await createHttpBrowser().open(`${at}/account`);
    expect(page.url).toBe(`${at}/signin?returnTo=%2Fapi%2Fauth%2Faccount`);
    const account = (await signedIn()).page;
    expect(account.url).toBe(`${at}/account`);
    expect(account.body).toContain('You are signed in as alice.');
    expect(account.body).toContain('Firefox on Linux');
    expect(actionsOf(account)).toEqual([]);
  });

  it('ends another session, once, and says so, once', async () => {
    const { origin, at, signedIn, sessions } = await world();
    await signedIn();
    const { browser } = await signedIn();
    const [action = ''] = actionsOf(await browser.open(`${at}/account`));
    const form = { form: {}, from: origin };
    const after = await browser.open(`${origin}${action}`, form);
    expect(after.url).toBe(`${at}/account`);
    expect(after.body).toMatch(/role="status">The session has ended\./);
    expect((await browser.open(`${at}/account`)).body).not.toContain('role="status"');
    expect(await sessions()).toBe(1);
    expect((await browser.open(`${origin}${action}`, form)).status).toBe(200);
    expect(await sessions()).toBe(1);
  });

  it('ends all others', async () => {
    const { origin, at, signedIn, sessions } = await world();
    for (let count = 0; count < 22; count += 1) await signedIn();
    const { browser, page } = await signedIn();
    expect(actionsOf(page)).toHaveLength(20);
    expect(page.body).toContain('There are further sessions.');
    const after = await browser.open(`${at}/sessions`, { form: {}, from: origin });
    expect(after.body).toContain('All other sessions have ended.');
    expect(await sessions()).toBe(1);
  });

  it.each([
    { title: 'another site', headers: { 'sec-fetch-site': 'cross-site' } },
    { title: 'a sub-domain', headers: { 'sec-fetch-site': 'same-site' } },
  ])('takes no form from $title', async ({ headers }) => {
    const { origin, at, signedIn, sessions } = await world();
    await signedIn();
    const { browser, page } = await signedIn();
    for (const action of actionsOf(page)) {
      const refused = await browser.open(`${origin}${action}`, { form: {}, from: at, headers });
      expect(refused.status).toBe(403);
      expect(refused.body).toContain('This form was sent from another site.');
    }
    expect(await sessions()).toBe(2);
  });

  it('ends nobody else’s session', async () => {
    const { auth, origin, at, signedIn } = await world();
    const other = await auth.users.create({ username: 'bob' });
    const { session } = await auth.sessions.start(other, {
      amr: [],
      authTime: undefined,
      acr: undefined,
      device: undefined,
      delivery: 'cookie',
    });
    const { browser } = await signedIn();
    const refused = await browser.open(`${at}/sessions/${session.id}`, { form: {}, from: origin });
    expect(refused.status).toBe(404);
    expect(await auth.sessions.list(other.id)).toHaveLength(1);
  });
});

describe('W16 a person never meets JSON', () => {
  it('after signing out: one sentence, once', async () => {
    const { origin, at, signedIn } = await world({ home: '/api/auth/signin' });
    const { browser, page } = await signedIn();
    const [, signOut = ''] = /href="([^"]*logout[^"]*)"/.exec(page.body) ?? [];
    const after = await browser.open(`${origin}${signOut.replaceAll('&#38;', '&')}`);
    expect(after.url).toBe(`${at}/signin`);
    expect(after.body).toContain('You have signed out.');
    expect((await browser.open(`${at}/signin`)).body).not.toContain('role="status"');
    expect((await browser.open(`${at}/logout`)).body).toContain('You have signed out.');
    expect((await browser.open(`${at}/signed-out`)).body).toContain('You are signed out');
  });

  it('when a session has ended: one sentence, and back to where it was', async () => {
    const { auth, user, origin, at, signedIn } = await world();
    const { browser } = await signedIn();
    await auth.sessions.revoke({ userId: user.id }, 'test');
    const page = await browser.open(`${at}/account`);
    expect(page.body).toContain('Your session has ended. Sign in again.');
    const back = await browser.submit(page, { username: 'alice', password: PASSWORD });
    expect(back.url).toBe(`${at}/account`);
    expect(origin).toContain('localhost');
  });

  it('when locked out: until when', async () => {
    const { at } = await world({ loginLimit: { max: 1, windowSeconds: 900 } });
    const browser = createHttpBrowser();
    const page = await browser.open(`${at}/signin`);
    await browser.submit(page, { username: 'alice', password: 'wrong' });
    const locked = await browser.submit(page, { username: 'alice', password: PASSWORD });
    expect(locked.status).toBe(429);
    expect(locked.body).toContain('You can try again in 15 minutes.');
    expect(locked.body).not.toContain('aria-invalid="');
  });

  it.each([
    { path: '/me', status: 401, words: 'Sign in to see this page.' },
    { path: '/users', status: 401, words: 'Sign in to see this page.' },
    { path: '/login/nobody', status: 404, words: 'There is no such way to sign in.' },
    { path: '/exchange', status: 405, words: 'This address is not a page.' },
    { path: '/callback/corp', status: 404, words: 'There is no such way to sign in.' },
  ])('at $path', async ({ path, status, words }) => {
    const { at } = await world();
    const page = await createHttpBrowser().open(`${at}${path}`);
    expect(page.status).toBe(status);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.body).toContain(words);
    const byScript = await createHttpBrowser().fetch(`${at}${path}`);
    expect(byScript.status).toBe(status);
    expect(byScript.headers['content-type']).toContain('json');
  });

  it('when asking too often, and when the store is down', async () => {
    const { at, auth } = await world({ rateLimit: { max: 1, windowSeconds: 60 } });
    const browser = createHttpBrowser();
    const open = () => browser.open(`${at}/login`, { form: {}, from: new URL(at).origin });
    await open();
    const limited = await open();
    expect(limited.status).toBe(429);
    expect(limited.body).toMatch(/You can try again in (?:1 minute|\d+ seconds)\./);
    const down = serveLoginApp(await reservePort(), {
      store: {
        ...auth.store,
        sessions: { ...auth.store.sessions, get: () => Promise.reject(new Error('down')) },
      },
    });
    browser.setCookie('localhost', 'latchkey-session', `r1.${'a'.repeat(8)}.x.0.y`);
    const broken = await browser.open(`${down.origin}/api/auth/me`);
    expect(broken.headers['content-type']).toBe('text/html; charset=utf-8');
  });
});

describe('providers on the account page', () => {
  it('are added and removed by its buttons, and the last way in stays', async () => {
    const linking = await linkingApp();
    const { origin, app } = linking;
    await addUser(app, { email: 'alice@corp.example' });
    const browser = createHttpBrowser();
    await linking.signInLocally(browser, 'alice');
    linking.speakOf(ADA);
    const account = `${origin}/api/auth/account`;
    const before = await browser.open(account);
    expect(actionsOf(before)).toEqual(['/api/auth/link/corp', '/api/auth/link/other']);
    const added = await browser.submit(before);
    expect(added.url).toBe(account);
    expect(actionsOf(added)).toEqual(['/api/auth/identities/corp', '/api/auth/link/other']);
    const removed = await browser.submit(added);
    expect(removed.url).toBe(account);
    expect(removed.body).toContain('The provider is removed.');
    expect(actionsOf(removed)).toEqual(actionsOf(before));
    const gone = await browser.submit(added);
    expect(gone.status).toBe(404);
    expect(gone.body).toContain('href="/api/auth/account">Your account');

    const { browser: ben } = await linking.visit({ sub: 'ben', auth_time: Date.now() / 1000 });
    const last = await ben.submit(await ben.open(account));
    expect(last.status).toBe(409);
    expect(last.body).toContain('This is the only way to sign in to your account.');
    const evil = { form: {}, from: 'https://evil.example' };
    expect((await ben.open(`${origin}/api/auth/identities/corp`, evil)).status).toBe(403);
  });
});
