import { describe, expect, it } from 'vitest';
import type { AuthOptions } from 'latchkey';
import { createHttpBrowser, type HttpBrowser } from '../world/http-browser.js';
import { type LoginApp, reservePort, serveLoginApp } from '../world/login-app.js';
import { type LoginProvider, signInAt, startLoginProvider } from '../world/login-provider.js';

function settingsOf({ issuer, clientId, clientSecret }: LoginProvider) {
  return { issuer, clientId, clientSecret };
}

/** An application with two providers of the same kind, and somebody with a browser. */
async function world(options: AuthOptions = {}, pushes = true) {
  const port = await reservePort();
  const callback = (name: string) => `${port.origin}/api/auth/callback${name}`;
  const corp = await startLoginProvider({
    redirectUris: [callback(''), callback('/corp'), callback('/acme')],
    pushes,
  });
  const partner = await startLoginProvider({ redirectUris: [callback('/partner')] });
  const app = serveLoginApp(port, {
    oidc: { corp: settingsOf(corp), partner: { ...settingsOf(partner), label: 'Our partner' } },
    ...options,
  });
  return { app, corp, partner, browser: createHttpBrowser() };
}

async function sessionOf(browser: HttpBrowser, { origin }: LoginApp) {
  const { body } = await browser.fetch(`${origin}/api/auth/session`);
  return JSON.parse(body) as { authenticated: boolean; user?: { email: string; username: string } };
}

describe('signing in with a provider', () => {
  it('ends where it began, with a session in a cookie and the events that tell of it', async () => {
    const { app, browser } = await world();
    const page = await signInAt(browser, `${app.origin}/api/auth/login/corp?returnTo=/inside`, {
      login: 'ada',
    });
    expect(page.url).toBe(`${app.origin}/inside`);
    expect(await sessionOf(browser, app)).toMatchObject({
      authenticated: true,
      user: { email: 'ada@idp.example', username: 'ada' },
    });
    expect(app.events).toMatchObject([
      { name: 'identity.linked', event: { provider: 'corp', by: 'new' } },
      { name: 'login.succeeded', event: { provider: 'corp' } },
    ]);
  });

  it('leaves no log-in behind in the browser, and nothing secret in an address but the code', async () => {
    const { app, browser } = await world();
    const page = await signInAt(browser, `${app.origin}/api/auth/login/corp?returnTo=/inside`, {
      login: 'ada',
    });
    expect([...browser.cookies('localhost').keys()]).toEqual(['latchkey-session']);
    const ours = page.visited.filter((url) => url.startsWith(app.origin));
    const parameters = ours.flatMap((url) => [...new URL(url).searchParams.keys()]);
    expect(new Set(parameters)).toEqual(new Set(['code', 'state', 'iss']));
    expect(JSON.stringify(app.events)).not.toMatch(/eyJ|r1\./);
  });

  it('is the same user the next time, asked for nothing but the way', async () => {
    const { app, browser } = await world();
    const start = `${app.origin}/api/auth/login/corp?returnTo=/inside`;
    await signInAt(browser, start, { login: 'ada' });
    const first = await sessionOf(browser, app);
    await browser.fetch(`${app.origin}/api/auth/logout`, { json: {} });
    const page = await browser.open(start);
    expect(page.url).toBe(`${app.origin}/inside`);
    expect((await sessionOf(browser, app)).user).toEqual(first.user);
  });

  it.each([
    { title: 'pushes its request where the provider takes that', pushes: true },
    { title: 'sends it with the browser otherwise', pushes: false },
  ])('$title', async ({ pushes }) => {
    const { app, corp, browser } = await world({}, pushes);
    const start = `${app.origin}/api/auth/login/corp`;
    const away = await browser.open(start, { until: (url) => url.origin === corp.issuer });
    const { searchParams } = new URL(away.url);
    expect(searchParams.has('request_uri')).toBe(pushes);
    expect(searchParams.has('code_challenge')).toBe(!pushes);
    expect(corp.requests('/request')).toBe(pushes ? 1 : 0);
    await signInAt(browser, `${start}?returnTo=/inside`, { login: 'ada' });
    expect(await sessionOf(browser, app)).toMatchObject({ authenticated: true });
  });

  it('ends the session that the browser had before', async () => {
    const { app, browser } = await world();
    await signInAt(browser, `${app.origin}/api/auth/login/corp`, { login: 'ada' });
    const former = browser.cookies('localhost').get('latchkey-session') ?? '';
    await signInAt(browser, `${app.origin}/api/auth/login/partner`, { login: 'eve' });
    expect(await sessionOf(browser, app)).toMatchObject({ user: { username: 'eve' } });
    browser.setCookie('localhost', 'latchkey-session', former);
    expect(await sessionOf(browser, app)).toEqual({ authenticated: false });
  });

  it('the same address at two providers joins nothing by itself', async () => {
    const { app, browser } = await world();
    await signInAt(browser, `${app.origin}/api/auth/login/corp`, { login: 'ada' });
    const other = createHttpBrowser();
    const page = await signInAt(other, `${app.origin}/api/auth/login/partner`, { login: 'ada' });
    // Both say the address is verified; nobody has said that they are to be believed.
    expect(page.status).toBe(403);
    expect(await sessionOf(other, app)).toEqual({ authenticated: false });
  });

  it('without asking the user anything says so when the user has to be asked', async () => {
    const { app, browser } = await world();
    const silent = `${app.origin}/api/auth/login/corp?prompt=none&returnTo=/inside`;
    const refused = await browser.open(silent);
    expect(refused.url).toBe(`${app.origin}/inside?auth_error=login_required`);
    await signInAt(browser, `${app.origin}/api/auth/login/corp`, { login: 'ada' });
    browser.setCookie('localhost', 'latchkey-session', '');
    const page = await browser.open(silent);
    expect(page.url).toBe(`${app.origin}/inside`);
    expect(await sessionOf(browser, app)).toMatchObject({ user: { username: 'ada' } });
  });

  it('once more, as recently as the page asks, shows in the auth_time of the next token', async () => {
    const { app, browser } = await world();
    await signInAt(browser, `${app.origin}/api/auth/login/corp`, { login: 'ada' });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const stepUp = await signInAt(
      browser,
      `${app.origin}/api/auth/login/corp?max_age=0&returnTo=/inside`,
      { login: 'ada' },
    );
    expect(stepUp.url).toBe(`${app.origin}/inside`);
    // The provider has asked for the password once more.
    expect(stepUp.visited.some((url) => url.includes('/interaction/'))).toBe(true);
    const { body } = await browser.fetch(`${app.origin}/api/auth/refresh`, { json: {} });
    const { access_token: token } = JSON.parse(body) as { access_token: string };
    const { authTime } = await app.auth.verifier.verify(token);
    expect(Math.floor(Date.now() / 1000) - (authTime ?? 0)).toBeLessThan(30);
  });

  it('works for a tenant that is looked up by name', async () => {
    const asked: string[] = [];
    const browser = createHttpBrowser();
    const port = await reservePort();
    const own = await startLoginProvider({
      redirectUris: [`${port.origin}/api/auth/callback/acme`],
    });
    const tenants = serveLoginApp(port, {
      resolveProvider(name) {
        asked.push(name);
        return name === 'acme' ? settingsOf(own) : undefined;
      },
    });
    const page = await signInAt(browser, `${tenants.origin}/api/auth/login/acme?returnTo=/inside`, {
      login: 'ada',
    });
    expect(page.url).toBe(`${tenants.origin}/inside`);
    expect(new Set(asked)).toEqual(new Set(['acme']));
    expect(asked).toHaveLength(1);
    expect((await browser.fetch(`${tenants.origin}/api/auth/login/globex`)).status).toBe(404);
    expect((await browser.fetch(`${tenants.origin}/api/auth/login/..%2Fx`)).status).toBe(404);
  });

  it('is not offered while the tenant cannot be looked up', async () => {
    const browser = createHttpBrowser();
    const port = await reservePort();
    const app = serveLoginApp(port, {
      resolveProvider: () => Promise.reject(new Error('no database')),
    });
    const answer = await browser.fetch(`${app.origin}/api/auth/login/acme`);
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBeDefined();
    expect(app.events).toContainEqual({
      name: 'hook.failed',
      event: expect.objectContaining({ hook: 'resolveProvider' }) as unknown,
    });
  });

  it('starts without a provider that is down, and works when it is back', async () => {
    const port = await reservePort();
    const later = await reservePort();
    const app = serveLoginApp(port, {
      oidc: { corp: { issuer: later.origin, clientId: 'x', clientSecret: 'not yet there' } },
    });
    await app.auth.ready();
    const browser = createHttpBrowser();
    const answer = await browser.fetch(`${app.origin}/api/auth/login/corp`);
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'PROVIDER_ERROR' });
    later.serve((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          issuer: later.origin,
          authorization_endpoint: `${later.origin}/auth`,
          token_endpoint: `${later.origin}/token`,
          jwks_uri: `${later.origin}/jwks`,
        }),
      );
    });
    const away = await browser.open(`${app.origin}/api/auth/login/corp`, {
      until: (url) => url.pathname === '/auth',
    });
    expect(new URL(away.url).searchParams.get('code_challenge_method')).toBe('S256');
  });
});

describe('the providers to sign in with', () => {
  it('are listed for pages of the application’s own', async () => {
    const { app, browser } = await world();
    const { body } = await browser.fetch(`${app.origin}/api/auth/providers`);
    expect(JSON.parse(body)).toEqual({
      passwords: true,
      sign_up: false,
      providers: [
        { name: 'corp', label: 'corp', login_url: '/api/auth/login/corp' },
        { name: 'partner', label: 'Our partner', login_url: '/api/auth/login/partner' },
      ],
    });
  });

  it('are chosen from on the sign-in page when none is named; a single one is taken', async () => {
    const { app, browser } = await world();
    const page = await browser.open(`${app.origin}/api/auth/login?returnTo=/inside`);
    expect(page.url).toBe(`${app.origin}/api/auth/signin?returnTo=%2Finside`);
    const port = await reservePort();
    const own = await startLoginProvider({
      redirectUris: [`${port.origin}/api/auth/callback/corp`],
    });
    const single = serveLoginApp(port, { oidc: { corp: settingsOf(own) } });
    const away = await browser.open(`${single.origin}/api/auth/login`, {
      until: (url) => url.origin === own.issuer,
    });
    expect(away.url).toContain(own.issuer);
  });

  it.each([
    'prompt=everything',
    'prompt=none&prompt=login',
    'mode=token',
    'max_age=-1',
    'max_age=soon',
    'acr_values=a%22b',
    'code_challenge=short&mode=code',
    'code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    `login_hint=${'a'.repeat(300)}`,
    'login_hint=a%00b',
  ])('refuse an unknown wish with 400: %s', async (query) => {
    const { app, browser } = await world();
    const answer = await browser.fetch(`${app.origin}/api/auth/login/corp?${query}`);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('are 404 for an unknown name', async () => {
    const { app, browser } = await world();
    for (const path of ['login/nobody', 'callback/nobody?state=x', 'login/__proto__'])
      expect((await browser.fetch(`${app.origin}/api/auth/${path}`)).status).toBe(404);
  });
});
