import { describe, expect, it } from 'vitest';
import { createHttpBrowser } from '../world/http-browser.js';
import {
  type Begun,
  eventsNamed,
  expectSignedIn,
  HOST,
  hostileLogin,
  isSignedIn,
  loginCookiesOf,
  sessionCookieOf,
} from '../world/hostile-login.js';

describe('C11 several tabs', () => {
  it.each([
    { title: 'in the order they began', order: [0, 1] },
    { title: 'in the other order', order: [1, 0] },
  ])('two log-ins finish $title, each where it began', async ({ order }) => {
    const app = await hostileLogin();
    const browser = createHttpBrowser();
    const tabs = [
      { ...(await app.begin('%3Ftab=0', { browser })), place: '/inside?tab=0' },
      { ...(await app.begin('%3Ftab=1', { browser })), place: '/inside?tab=1' },
    ];
    for (const at of order) {
      const tab = tabs[at];
      const page = await app.open(browser, (await tab?.agree()) ?? '');
      expect({ url: page.url, status: page.status }).toEqual({
        url: `${app.origin}${tab?.place}`,
        status: 200,
      });
      expect(await isSignedIn(app.origin, browser)).toBe(true);
    }
    expect(loginCookiesOf(browser)).toEqual([]);
    expect(eventsNamed(app, 'login.failed')).toEqual([]);
  });

  it('log-ins with two providers do not get into each other’s way', async () => {
    const app = await hostileLogin();
    const browser = createHttpBrowser();
    // Not the address of the user at the first one, which is taken then.
    app.other.misbehave({ userinfo: { email: 'user@other.example' } });
    const first = await app.begin('', { browser, at: 'other' });
    const second = await app.begin('', { browser, at: 'corp' });
    for (const tab of [first, second])
      await expectSignedIn(app, { browser, page: await app.open(browser, await tab.agree()) });
  });

  it('the back button leads where the log-in led while somebody is signed in', async () => {
    const app = await hostileLogin();
    const { browser, agree } = await app.begin();
    const callback = await agree();
    await expectSignedIn(app, { browser, page: await app.open(browser, callback) });
    const session = sessionCookieOf(browser);
    const page = await app.open(browser, callback);
    expect(page).toMatchObject({ url: `${app.origin}/inside`, status: 200 });
    expect(sessionCookieOf(browser)).toBe(session);
    expect(await isSignedIn(app.origin, browser)).toBe(true);
    expect(app.corp.requests('/token')).toBe(1);
    expect(eventsNamed(app, 'login.failed')).toEqual([]);
  });

  const GUESSES: readonly {
    title: string;
    method?: 'GET' | 'HEAD';
    headers: Record<string, string>;
  }[] = [
    { title: 'a prefetch', headers: { 'sec-purpose': 'prefetch' } },
    { title: 'a prerender', headers: { 'sec-purpose': 'prefetch;prerender' } },
    { title: 'an older browser’s prefetch', headers: { purpose: 'prefetch' } },
    { title: 'a HEAD', method: 'HEAD', headers: {} },
  ];

  it.each(GUESSES)(
    '$title of the callback uses nothing up',
    async ({ method = 'GET', headers }) => {
      const app = await hostileLogin();
      const { browser, agree } = await app.begin();
      const callback = await agree();
      const guess = await browser.open(callback.href, { method, headers });
      expect(guess.status).toBe(method === 'HEAD' ? 405 : 503);
      expect(guess.headers['set-cookie']).toBeUndefined();
      expect(app.corp.requests('/token')).toBe(0);
      await expectSignedIn(app, { browser, page: await app.open(browser, callback) });
      expect(eventsNamed(app, 'login.failed')).toEqual([]);
    },
  );

  it.each(GUESSES)('$title of the log-in begins nothing', async ({ method = 'GET', headers }) => {
    const app = await hostileLogin();
    const browser = createHttpBrowser();
    const url = `${app.origin}/api/auth/login/corp`;
    const guess = await browser.open(url, { method, headers });
    expect(guess.status).toBe(method === 'HEAD' ? 405 : 503);
    expect(guess.visited).toEqual([url]);
    expect(loginCookiesOf(browser)).toEqual([]);
  });

  it.each([
    { title: 'one a second', pause: 1 },
    { title: 'all within the same second', pause: 0 },
  ])(
    'of ten tabs opened one after the other, $title, the newest five finish',
    async ({ pause }) => {
      // Stands still but for the pauses, so that no second ends by chance.
      const start = Date.now();
      let elapsedSeconds = 0;
      const app = await hostileLogin({ now: () => start + elapsedSeconds * 1000 });
      const browser = createHttpBrowser();
      const tabs: Begun[] = [];
      for (let tab = 0; tab < 10; tab += 1) {
        tabs.push(await app.begin('', { browser }));
        expect(cookieHeaderOf(browser).length).toBeLessThan(8192);
        elapsedSeconds += pause;
      }
      for (const { agree } of tabs.slice(-5))
        await expectSignedIn(app, { browser, page: await app.open(browser, await agree()) });
    },
  );

  it('ten tabs restored at once keep the header small, and the next one tidies up', async () => {
    const app = await hostileLogin();
    const browser = createHttpBrowser();
    const tabs = await Promise.all(Array.from({ length: 10 }, () => app.begin('', { browser })));
    expect(cookieHeaderOf(browser).length).toBeLessThan(8192);
    expect(loginCookiesOf(browser)).toHaveLength(tabs.length);
    app.advance(1);
    const { agree } = await app.begin('', { browser });
    expect(loginCookiesOf(browser)).toHaveLength(5);
    await expectSignedIn(app, { browser, page: await app.open(browser, await agree()) });
  });

  it('long places to return to push the oldest out, so that the header stays small', async () => {
    const app = await hostileLogin();
    const browser = createHttpBrowser();
    const long = `%3Fq=${'a'.repeat(1800)}`;
    const tabs: Begun[] = [];
    for (let tab = 0; tab < 6; tab += 1) {
      tabs.push(await app.begin(long, { browser }));
      app.advance(1);
    }
    expect(cookieHeaderOf(browser).length).toBeLessThan(8192);
    const page = await app.open(browser, (await tabs.at(-1)?.agree()) ?? '');
    expect(new URL(page.url).pathname).toBe('/inside');
    expect(await isSignedIn(app.origin, browser)).toBe(true);
  });
});

function cookieHeaderOf(browser: ReturnType<typeof createHttpBrowser>): string {
  return [...browser.cookies(HOST)].map(([name, value]) => `${name}=${value}`).join('; ');
}
