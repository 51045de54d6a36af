import type { RequestListener } from 'node:http';
import { memoryStore } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { startHostileProvider } from '../world/hostile-provider.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { reservePort, serveLoginApp } from '../world/login-app.js';
import { accessTokenOf, clientAt, userOf } from '../world/signed-in.js';

/** Two instances of one application behind one address, whose clocks differ by 10 s. Each request goes to the one that is told. */
async function world(options: { readonly clockToleranceSeconds?: number } = {}) {
  const [port, corp] = [await reservePort(), await startHostileProvider()];
  const store = memoryStore();
  const instances: RequestListener[] = [];
  for (const seconds of [10, 0])
    serveLoginApp(
      { origin: port.origin, serve: (listener) => void instances.push(listener) },
      {
        oidc: { corp: clientAt(corp) },
        store,
        cookieSessions: true,
        now: () => Date.now() + seconds * 1000,
        ...options,
      },
    );
  let at = 0;
  port.serve((request, response) => instances[at]?.(request, response));
  return { origin: port.origin, corp, goTo: (number: number) => void (at = number) };
}

describe('W14 instances of the application whose clocks are 10 s apart', () => {
  it.each([
    { title: 'ahead', first: 0, then: 1 },
    { title: 'behind', first: 1, then: 0 },
  ])('go on with what the one that is $title has begun', async ({ first, then }) => {
    const { origin, corp, goTo } = await world();
    const browser = createHttpBrowser();
    goTo(first);
    const { url } = await browser.open(`${origin}/api/auth/login/corp?returnTo=/inside`, {
      until: (place) => place.pathname === '/authorize',
    });
    goTo(then);
    expect((await browser.open(await corp.authorize(url))).url).toBe(`${origin}/inside`);

    for (const [signer, verifier] of [
      [first, then],
      [then, first],
    ] as const) {
      goTo(signer);
      const accessToken = await accessTokenOf(browser, origin);
      goTo(verifier);
      const headers = { authorization: `Bearer ${accessToken}` };
      expect((await fetch(`${origin}/api/me`, { headers })).status).toBe(200);
      expect((await browser.fetch(`${origin}/api/me`)).status).toBe(200);
      expect((await browser.fetch(`${origin}/api/upstream`)).status).toBe(200);
    }

    goTo(first);
    const { body } = await browser.fetch(`${origin}/api/auth/session`);
    const { logout_url: path } = JSON.parse(body) as { readonly logout_url: string };
    goTo(then);
    await browser.open(`${origin}${path}`, { until: (place) => place.origin === corp.issuer });
    for (const instance of [first, then]) {
      goTo(instance);
      expect(await userOf(browser, origin)).toBeUndefined();
    }
  });
});

describe('W14 AUTH_CLOCK_TOLERANCE', () => {
  it.each([
    { title: 'ahead', seconds: 280 },
    { title: 'behind', seconds: -280 },
  ])(
    'of five minutes lets users in whose provider is nearly as much $title, and out again',
    async ({ seconds }) => {
      for (const clockToleranceSeconds of [300, 5]) {
        const { origin, corp, goTo } = await world({ clockToleranceSeconds });
        goTo(1);
        const theirs = Math.floor(Date.now() / 1000) + seconds;
        const times = { iat: theirs, auth_time: theirs, exp: theirs + 10 };
        corp.misbehave({ idTokenClaims: times });
        const browser = createHttpBrowser();
        const page = await browser.open(`${origin}/api/auth/login/corp?returnTo=/inside`);
        expect(page.status).toBe(clockToleranceSeconds === 300 ? 200 : 401);
        const logoutToken = await corp.logoutToken({ iat: theirs, exp: theirs + 10 });
        const { status } = await fetch(`${origin}/api/auth/backchannel/corp`, {
          method: 'POST',
          body: new URLSearchParams({ logout_token: logoutToken }),
        });
        expect(status).toBe(clockToleranceSeconds === 300 ? 200 : 400);
      }
    },
  );
});
