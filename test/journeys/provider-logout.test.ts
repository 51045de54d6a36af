import type { AuthOptions } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { createHttpBrowser, type HttpBrowser } from '../world/http-browser.js';
import { reservePort, serveLoginApp } from '../world/login-app.js';
import { letProviderReachLoopback, signInAt, startLoginProvider } from '../world/login-provider.js';
import { accessTokenOf, userOf } from '../world/signed-in.js';

/** An application and its provider, who know of each other's log-out. */
async function world(options: AuthOptions = {}) {
  const port = await reservePort();
  const provider = await startLoginProvider({
    redirectUris: [`${port.origin}/api/auth/callback/corp`],
    postLogoutRedirectUris: [`${port.origin}/`],
    backchannelLogoutUri: `${port.origin}/api/auth/backchannel/corp`,
  });
  const { issuer, clientId, clientSecret } = provider;
  const app = serveLoginApp(port, {
    oidc: { corp: { issuer, clientId, clientSecret } },
    ...options,
  });
  const { origin } = app;

  const signIn = (browser: HttpBrowser, login = 'ada') =>
    signInAt(browser, `${origin}/api/auth/login/corp?returnTo=/inside`, { login });

  /** Where this browser's session ends. */
  async function logoutUrl(browser: HttpBrowser): Promise<URL> {
    const { body } = await browser.fetch(`${origin}/api/auth/session`);
    const { logout_url: path } = JSON.parse(body) as { readonly logout_url: string };
    return new URL(path, origin);
  }

  const browser = createHttpBrowser();
  await signIn(browser);
  return { app, origin, provider, browser, signIn, logoutUrl };
}

/** The provider asks whether its own session shall end, too. */
const isEndSession = (url: URL): boolean => url.pathname === '/session/end';

const lastOf = (visited: readonly string[]): string => visited.at(-1) ?? '';

describe('signing out here and at the provider', () => {
  it('ends our session, leads to the provider with who and where to, and ends at home', async () => {
    const { app, origin, provider, browser, signIn, logoutUrl } = await world();
    const accessToken = await accessTokenOf(browser, origin);
    const address = (await logoutUrl(browser)).href;
    const away = await browser.open(address, { from: origin, until: isEndSession });
    expect(await userOf(browser, origin)).toBeUndefined();
    expect(browser.cookies('localhost').has('latchkey-session')).toBe(false);
    const headers = { authorization: `Bearer ${accessToken}` };
    expect((await fetch(`${origin}/api/me`, { headers })).status).toBe(401);

    const url = new URL(away.url);
    expect(url.origin).toBe(provider.issuer);
    expect(url.searchParams.get('post_logout_redirect_uri')).toBe(`${origin}/`);
    const [, payload = ''] = (url.searchParams.get('id_token_hint') ?? '').split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      iss: provider.issuer,
      sub: 'ada',
      aud: provider.clientId,
    });

    const asked = await browser.open(away.url, { from: origin });
    const home = await browser.submit(asked, { logout: 'yes' });
    expect(home.url).toBe(`${origin}/`);
    expect(home.body).toBe('home');
    expect(app.events).toContainEqual({
      name: 'session.revoked',
      event: expect.objectContaining({ reason: 'logout' }),
    });

    // The provider's own session has ended, too: it asks who is there.
    const again = await browser.open(`${origin}/api/auth/login/corp`);
    expect(again.body).toContain('name="prompt" value="login"');
    await signIn(browser, 'ben');
    expect(await userOf(browser, origin)).toMatchObject({ username: 'ben' });
  });

  it('leaves the session there to the user: who says no there is signed out only here', async () => {
    const { origin, browser, signIn, logoutUrl } = await world();
    const asked = await browser.open((await logoutUrl(browser)).href, { from: origin });
    await browser.submit(asked);
    expect(await userOf(browser, origin)).toBeUndefined();
    const page = await signIn(browser, 'nobody asks');
    expect(page.url).toBe(`${origin}/inside`);
    expect(await userOf(browser, origin)).toMatchObject({ username: 'ada' });
  });

  it.each([
    { title: 'Host', headers: { host: 'evil.example' } },
    { title: 'X-Forwarded-Host', headers: { 'x-forwarded-host': 'evil.example' } },
    { title: 'X-Forwarded-Proto', headers: { 'x-forwarded-proto': 'javascript' } },
  ])('C6 $title has no say in where the provider sends the browser', async ({ headers }) => {
    const { origin, browser, logoutUrl } = await world();
    const { href } = await logoutUrl(browser);
    const { url } = await browser.open(href, { from: origin, until: isEndSession, headers });
    expect(new URL(url).searchParams.get('post_logout_redirect_uri')).toBe(`${origin}/`);
  });

  it('is never stored, and says nothing of where the browser came from', async () => {
    const { browser, logoutUrl } = await world();
    const cookies = [...browser.cookies('localhost')].map(([name, value]) => `${name}=${value}`);
    const response = await fetch(await logoutUrl(browser), {
      headers: { cookie: cookies.join('; ') },
      redirect: 'manual',
    });
    expect(response.status).toBe(303);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('set-cookie')).toMatch(/^latchkey-session=; Max-Age=0/);
  });

  it.each([
    { title: 'HEAD', request: { method: 'HEAD' } },
    { title: 'Sec-Purpose: prefetch', request: { headers: { 'sec-purpose': 'prefetch' } } },
    { title: 'prerendering', request: { headers: { 'sec-purpose': 'prefetch;prerender' } } },
  ] as const)('is not done by a browser that only looks ahead ($title)', async ({ request }) => {
    const { origin, browser, logoutUrl } = await world();
    const { href } = await logoutUrl(browser);
    await browser.open(href, { from: origin, until: isEndSession, ...request });
    expect(await userOf(browser, origin)).toBeDefined();
  });

  it('of a session that has ended already leads home', async () => {
    const { origin, browser, logoutUrl } = await world();
    const { href } = await logoutUrl(browser);
    await browser.open(href, { from: origin, until: isEndSession });
    const page = await browser.open(href, { from: origin });
    expect(page.url).toBe(`${origin}/`);
  });
});

describe('a link to the log-out that is not the own one', () => {
  const change =
    (name: string, value: string | undefined) =>
    (url: URL): void => {
      if (value === undefined) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    };

  it.each([
    { title: 'with nothing', spoil: (url: URL) => void (url.search = '') },
    { title: 'without the hash', spoil: change('hash', undefined) },
    { title: 'with an empty hash', spoil: change('hash', '') },
    { title: 'with a wrong hash', spoil: change('hash', 'A'.repeat(43)) },
    { title: 'with a hash that is too long', spoil: change('hash', 'A'.repeat(4000)) },
    { title: 'with another session', spoil: change('session', 'A'.repeat(22)) },
    { title: 'without the session', spoil: change('session', undefined) },
  ])('$title only asks, from this site or another', async ({ spoil }) => {
    const { origin, browser, logoutUrl } = await world();
    const url = await logoutUrl(browser);
    spoil(url);
    for (const from of [origin, 'https://evil.example']) {
      const page = await browser.open(url.href, { from });
      expect(page.status).toBe(200);
      expect(page.visited).toEqual([url.href]);
      expect(page.headers['content-type']).toMatch(/^text\/html/);
      expect(page.headers['cache-control']).toBe('no-store');
      expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(page.headers['set-cookie']).toBeUndefined();
      expect(await userOf(browser, origin)).toBeDefined();
    }
  });

  it('asks with a link that works', async () => {
    const { origin, browser, logoutUrl } = await world();
    const page = await browser.open(`${origin}/api/auth/logout`);
    const own = await logoutUrl(browser);
    const escaped = `${own.pathname}${own.search}`.replaceAll('&', '&#38;');
    expect(page.body).toContain(`href="${escaped}"`);
  });

  it("of somebody else's session ends theirs, and not the one of this browser", async () => {
    const { origin, browser, signIn, logoutUrl } = await world();
    const attacker = createHttpBrowser();
    await signIn(attacker, 'eve');
    const theirs = await logoutUrl(attacker);
    await browser.open(theirs.href, { from: 'https://evil.example', until: isEndSession });
    expect(await userOf(browser, origin)).toMatchObject({ username: 'ada' });
    expect(await userOf(attacker, origin)).toBeUndefined();
  });

  it('leads home when nobody is signed in', async () => {
    const { origin } = await world();
    const page = await createHttpBrowser().open(`${origin}/api/auth/logout`);
    expect(page.url).toBe(`${origin}/`);
  });
});

describe('a provider that is down', () => {
  it('cannot keep our session alive: the browser lands at home', async () => {
    let isCut = false;
    let time = 0;
    const { origin, provider, browser, logoutUrl } = await world({
      now: () => Date.now() + time,
      providerFetch: (input, init) =>
        isCut ? Promise.reject(new TypeError('fetch failed')) : fetch(input, init),
    });
    const { href } = await logoutUrl(browser);
    await provider.kill();
    isCut = true;
    // What was known of it is too old by now.
    time = 2 * 86_400_000;
    const page = await browser.open(href, { from: origin });
    expect(page.url).toBe(`${origin}/`);
    expect(page.status).toBe(200);
    expect(await userOf(browser, origin)).toBeUndefined();
  });

  it('of which we know the way is where the browser goes, when our session has ended', async () => {
    const { origin, provider, browser, logoutUrl } = await world();
    const { href } = await logoutUrl(browser);
    await provider.kill();
    const { visited } = await browser.open(href, { from: origin, until: isEndSession });
    expect(new URL(lastOf(visited)).origin).toBe(provider.issuer);
    expect(await userOf(browser, origin)).toBeUndefined();
  });
});

describe('signing out by a script', () => {
  it('is 204, ends our session and asks the provider nothing', async () => {
    const { origin, provider, browser } = await world();
    const accessToken = await accessTokenOf(browser, origin);
    const answer = await browser.fetch(`${origin}/api/auth/logout`, { json: {} });
    expect(answer.status).toBe(204);
    expect(answer.body).toBe('');
    expect(browser.cookies('localhost').has('latchkey-session')).toBe(false);
    expect(await userOf(browser, origin)).toBeUndefined();
    const headers = { authorization: `Bearer ${accessToken}` };
    expect((await fetch(`${origin}/api/me`, { headers })).status).toBe(401);
    expect(provider.requests('/session/end')).toBe(0);
  });
});

describe('signing out at the provider itself', () => {
  it('ends our session through the back-channel, and no other', async () => {
    letProviderReachLoopback();
    const { app, origin, provider, browser, signIn } = await world();
    const elsewhere = createHttpBrowser();
    await signIn(elsewhere);
    const accessToken = await accessTokenOf(browser, origin);
    const asked = await browser.open(`${provider.issuer}/session/end`);
    await browser.submit(asked, { logout: 'yes' });
    await expect.poll(() => userOf(browser, origin)).toBeUndefined();
    const headers = { authorization: `Bearer ${accessToken}` };
    expect((await fetch(`${origin}/api/me`, { headers })).status).toBe(401);
    expect(app.events).toContainEqual({
      name: 'logout.backchannel',
      event: expect.objectContaining({ provider: 'corp', sessions: 1 }),
    });
    // Another browser is another session there.
    expect(await userOf(elsewhere, origin)).toMatchObject({ username: 'ada' });
    await signIn(browser);
    expect(await userOf(browser, origin)).toMatchObject({ username: 'ada' });
  });
});
