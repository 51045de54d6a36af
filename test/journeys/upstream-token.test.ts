import { randomUUID } from 'node:crypto';
import { type AuthOptions, memoryStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { addUser, PASSWORD } from '../world/auth-server.js';
import { sharedStores } from '../world/every-store.js';
import { startHostileProvider } from '../world/hostile-provider.js';
import { createHttpBrowser, type HttpBrowser } from '../world/http-browser.js';
import { type LoginApp, reservePort, serveLoginApp } from '../world/login-app.js';
import { type LoginProvider, signInAt, startLoginProvider } from '../world/login-provider.js';
import { accessTokenOf, refusalIn } from '../world/signed-in.js';

const stores = await sharedStores(8);

/** Real time and what a test adds to it: providers of tests have clocks of their own. */
function movableClock() {
  let added = 0;
  return {
    now: () => Date.now() + added,
    advance: (seconds: number) => void (added += seconds * 1000),
  };
}

const askWith = (origin: string, accessToken: string): Promise<Response> =>
  fetch(`${origin}/api/upstream`, { headers: { authorization: `Bearer ${accessToken}` } });

async function tokenIn(response: Response): Promise<string> {
  expect(response.status).toBe(200);
  const { token } = (await response.json()) as { readonly token: string };
  return token;
}

/** The provider still knows who the token is of. */
async function isTakenBy({ issuer }: LoginProvider, token: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${issuer}/me`, { headers })).status === 200;
}

interface Setting {
  readonly accessTokenSeconds: number;
  /** One instance for each, over the same data. */
  readonly instances?: readonly AuthOptions['store'][];
}

/** Instances of one application, a real provider that rotates refresh tokens, and Ada, who has signed in. */
async function world({ accessTokenSeconds, instances = [memoryStore()] }: Setting) {
  const clock = movableClock();
  const ports = await Promise.all(instances.map(() => reservePort()));
  const publicUrl = ports[0]?.origin ?? '';
  const provider = await startLoginProvider({
    redirectUris: [`${publicUrl}/api/auth/callback/corp`],
    accessTokenSeconds,
    asksConsent: false,
  });
  const { issuer, clientId, clientSecret } = provider;
  const scope = 'openid profile email offline_access';
  const apps = ports.map((port, index) => {
    const store = instances[index];
    const app = serveLoginApp(port, {
      publicUrl,
      oidc: { corp: { issuer, clientId, clientSecret, scope } },
      now: clock.now,
      ...(store !== undefined && { store }),
    });
    onTestFinished(() => app.auth.close());
    return app;
  });
  const browser = createHttpBrowser();
  // A name of its own: another test's user, of another provider, may be in the same store.
  const login = `ada-${randomUUID()}`;
  await signInAt(browser, `${publicUrl}/api/auth/login/corp?returnTo=/inside`, { login });

  /** Each instance as often, all at once, with tokens of one session. */
  async function askAll(times: number): Promise<string[]> {
    const accessToken = await accessTokenOf(browser, publicUrl);
    const origins = Array.from({ length: times }).flatMap(() => apps.map(({ origin }) => origin));
    const answers = await Promise.all(origins.map((origin) => askWith(origin, accessToken)));
    return Promise.all(answers.map(tokenIn));
  }

  const refreshes = (): number => provider.requests('/token') - 1;
  const events = (): readonly LoginApp['events'][number][] => apps.flatMap((app) => app.events);
  return { clock, provider, browser, origin: publicUrl, apps, askAll, refreshes, events };
}

describe('a token of the provider', () => {
  it('that is fresh is handed out as it is, and the provider is not asked', async () => {
    const { provider, askAll, refreshes } = await world({ accessTokenSeconds: 3600 });
    const tokens = [...(await askAll(10)), ...(await askAll(1))];
    expect(new Set(tokens).size).toBe(1);
    expect(await isTakenBy(provider, tokens[0] ?? '')).toBe(true);
    expect(refreshes()).toBe(0);
  });

  it('is renewed half a minute before its end, not earlier', async () => {
    const { clock, askAll, refreshes } = await world({ accessTokenSeconds: 120 });
    const [first] = await askAll(1);
    clock.advance(80);
    expect(await askAll(1)).toEqual([first]);
    clock.advance(10);
    expect(await askAll(1)).not.toEqual([first]);
    expect(refreshes()).toBe(1);
  });

  it('is not in the answer of any route of ours, nor in an event', async () => {
    const { clock, origin, browser, askAll, events } = await world({ accessTokenSeconds: 60 });
    const before = await askAll(1);
    clock.advance(40);
    const tokens = [...before, ...(await askAll(1))];
    const answers = await Promise.all(
      ['session', 'sessions', 'me'].map(async (path) => {
        const headers = { authorization: `Bearer ${await accessTokenOf(browser, origin)}` };
        return (await browser.fetch(`${origin}/api/auth/${path}`, { headers })).body;
      }),
    );
    const told = JSON.stringify(events()) + answers.join('\n');
    for (const token of tokens) expect(told).not.toContain(token);
    expect(events().map(({ name }) => name)).toContain('upstream.renewed');
  });
});

/** How many calls each instance gets in a round. The first is the crowd; the others show that what it left can be used. */
const ROUNDS = [
  [1, 25],
  [2, 3],
  [3, 3],
] as const;

describe('50 calls at once for a token that is due', () => {
  const setting = { accessTokenSeconds: 60 };

  it('cost one refresh', async () => {
    const { clock, provider, askAll, refreshes } = await world(setting);
    const [former = ''] = await askAll(1);
    clock.advance(40);
    const tokens = await askAll(50);
    expect(refreshes()).toBe(1);
    expect(new Set(tokens).size).toBe(1);
    expect(tokens).not.toContain(former);
    expect(await isTakenBy(provider, tokens[0] ?? '')).toBe(true);
  });

  const shared = { name: 'a memory that they share', url: undefined, isMissing: false };
  for (const place of [shared, ...stores])
    describe.skipIf(place.isMissing)(`half of them on another instance over ${place.name}`, () => {
      if ('create' in place) {
        beforeAll(place.create);
        afterAll(place.drop);
      }

      const twice = (): readonly AuthOptions['store'][] => {
        const store = place.url === undefined ? memoryStore() : { url: place.url };
        return [store, store];
      };

      it('cost one refresh, and the grant lives on', async () => {
        const all = await world({ ...setting, instances: twice() });
        const { clock, provider, askAll, refreshes, events } = all;
        for (const [round, times] of ROUNDS) {
          clock.advance(40);
          const tokens = await askAll(times);
          expect(refreshes()).toBe(round);
          expect(new Set(tokens).size).toBe(1);
          // A refresh token that is used twice ends the grant, and this token with it.
          expect(await isTakenBy(provider, tokens[0] ?? '')).toBe(true);
        }
        expect(events().map(({ name }) => name)).not.toContain('upstream.failed');
      });

      it('cost one refresh where no token ever lives for half a minute', async () => {
        const all = await world({ accessTokenSeconds: 20, instances: twice() });
        const { clock, provider, askAll, refreshes, events } = all;
        for (const [round, times] of ROUNDS) {
          clock.advance(11);
          const tokens = await askAll(times);
          expect(refreshes()).toBe(round);
          expect(await isTakenBy(provider, tokens[0] ?? '')).toBe(true);
        }
        expect(events().map(({ name }) => name)).not.toContain('upstream.failed');
      });
    });
});

/** A provider that can be told what to do wrong, whose tokens live for an hour. */
async function hostileWorld() {
  const clock = movableClock();
  const port = await reservePort();
  const provider = await startHostileProvider();
  let isCut = false;
  const { issuer, clientId, clientSecret } = provider;
  const app = serveLoginApp(port, {
    oidc: { corp: { issuer, clientId, clientSecret } },
    now: clock.now,
    providerFetch: (input, init) =>
      isCut ? Promise.reject(new TypeError('fetch failed')) : fetch(input, init),
  });
  const { origin, auth } = app;
  const browser = createHttpBrowser();
  await browser.open(`${origin}/api/auth/login/corp?returnTo=/inside`);
  const ask = async (): Promise<Response> => askWith(origin, await accessTokenOf(browser, origin));
  const first = await tokenIn(await ask());
  clock.advance(3580);

  /** What is kept of the only session there is. */
  async function kept(): Promise<string> {
    const [user] = await auth.users.list({ limit: 1 });
    const [session] = await auth.sessions.list(user?.id ?? '');
    return session?.data ?? 'none';
  }

  const cut = (value: boolean): void => void (isCut = value);
  return { app, origin, auth, clock, provider, browser, ask, first, kept, cut };
}

const SIGN_IN_AGAIN = { status: 401, code: 'AUTH_CONTEXT_REQUIRED' };

describe("the provider's answer to a refresh", () => {
  it('that is honest is kept, ID token or not', async () => {
    const { provider, clock, ask, first, kept } = await hostileWorld();
    const second = await tokenIn(await ask());
    expect(second).not.toBe(first);
    provider.misbehave({ noIdToken: true });
    clock.advance(3580);
    const before = await kept();
    expect(await tokenIn(await ask())).not.toBe(second);
    expect(await kept()).not.toBe(before);
  });

  it.each([
    { title: 'another sub', claims: { sub: 'user-2' } },
    { title: 'an empty sub', claims: { sub: '' } },
    { title: 'no sub', claims: { sub: undefined } },
    { title: 'another iss', claims: { iss: 'https://evil.example' } },
    { title: 'another aud', claims: { aud: 'somebody-else' } },
    { title: 'an end in the past', claims: { exp: 1_000_000_000 } },
  ])('with $title in the ID token is refused, and nothing of it is kept', async ({ claims }) => {
    const { app, provider, ask, kept } = await hostileWorld();
    const before = await kept();
    provider.misbehave({ refreshedIdToken: claims });
    const response = await ask();
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await refusalIn(response)).toEqual({ status: 401, code: 'LOGIN_FAILED' });
    expect(await kept()).toBe(before);
    const failed = app.events.filter(({ name }) => name === 'upstream.failed');
    expect(failed).toMatchObject([{ event: { provider: 'corp' } }]);
  });

  it('with a badly signed ID token is refused, and nothing of it is kept', async () => {
    const { provider, ask, kept } = await hostileWorld();
    const before = await kept();
    provider.misbehave({ sign: 'bad-signature' });
    expect(await refusalIn(await ask())).toEqual({ status: 401, code: 'LOGIN_FAILED' });
    expect(await kept()).toBe(before);
  });

  it('that is no asks the user to sign in there again; our own session lives', async () => {
    const { origin, browser, provider, ask } = await hostileWorld();
    provider.misbehave({ token: 'invalid_grant' });
    const response = await ask();
    expect(response.headers.get('www-authenticate')).toContain(
      'error="insufficient_user_authentication"',
    );
    expect(await refusalIn(response)).toEqual(SIGN_IN_AGAIN);
    expect((await meOf(browser, origin)).status).toBe(200);
    // And does so: that is all it takes.
    provider.misbehave({});
    await browser.open(`${origin}/api/auth/login/corp`);
    expect((await ask()).status).toBe(200);
  });
});

async function meOf(browser: HttpBrowser, origin: string): Promise<Response> {
  const headers = { authorization: `Bearer ${await accessTokenOf(browser, origin)}` };
  return fetch(`${origin}/api/me`, { headers });
}

describe('an outage of the provider', () => {
  it.each(['error500', 'html', 'redirect', 'empty'] as const)(
    'with %s is 502, our session lives, and it works again afterwards',
    async (token) => {
      const { origin, browser, provider, ask, first } = await hostileWorld();
      provider.misbehave({ token });
      expect(await refusalIn(await ask())).toEqual({ status: 502, code: 'PROVIDER_ERROR' });
      expect((await meOf(browser, origin)).status).toBe(200);
      provider.misbehave({});
      expect(await tokenIn(await ask())).not.toBe(first);
    },
  );

  it('that cuts it off altogether is 502, and it works again afterwards', async () => {
    const { origin, browser, ask, first, cut } = await hostileWorld();
    cut(true);
    expect(await refusalIn(await ask())).toEqual({ status: 502, code: 'PROVIDER_ERROR' });
    expect((await meOf(browser, origin)).status).toBe(200);
    cut(false);
    expect(await tokenIn(await ask())).not.toBe(first);
  });

  it('is nothing to those whose tokens are fresh', async () => {
    const { ask, cut } = await hostileWorld();
    const fresh = await tokenIn(await ask());
    cut(true);
    expect(await tokenIn(await ask())).toBe(fresh);
  });
});

describe('who has no token of a provider', () => {
  it('signed in with a password: 401', async () => {
    const { app, origin } = await hostileWorld();
    await addUser(app);
    const browser = createHttpBrowser();
    const json = { username: 'alice', password: PASSWORD, delivery: 'cookie' };
    expect((await browser.fetch(`${origin}/api/auth/login`, { json })).status).toBe(200);
    const response = await askWith(origin, await accessTokenOf(browser, origin));
    expect(await refusalIn(response)).toEqual(SIGN_IN_AGAIN);
  });

  it('has signed out: 401, and the provider is not asked', async () => {
    const { origin, browser, provider } = await hostileWorld();
    const accessToken = await accessTokenOf(browser, origin);
    const asked = provider.requests('/token');
    await browser.fetch(`${origin}/api/auth/logout`, { json: {} });
    expect(await refusalIn(await askWith(origin, accessToken))).toEqual({
      status: 401,
      code: 'TOKEN_REVOKED',
    });
    expect(provider.requests('/token')).toBe(asked);
  });

  it('has signed out on another instance a moment ago: 401, although the token still passes there', async () => {
    const store = memoryStore();
    const { apps, browser, origin, refreshes } = await world({
      accessTokenSeconds: 5,
      instances: [store, store],
    });
    const [, there] = apps;
    const accessToken = await accessTokenOf(browser, origin);
    const address = there?.origin ?? '';
    await tokenIn(await askWith(address, accessToken));
    const before = refreshes();
    await browser.fetch(`${origin}/api/auth/logout`, { json: {} });
    expect(await refusalIn(await askWith(address, accessToken))).toEqual({
      status: 401,
      code: 'TOKEN_REVOKED',
    });
    expect(refreshes()).toBe(before);
  });

  it('is nobody: 401', async () => {
    const { origin } = await hostileWorld();
    const response = await fetch(`${origin}/api/upstream`);
    expect(await refusalIn(response)).toEqual({ status: 401, code: 'CREDENTIALS_MISSING' });
  });
});
