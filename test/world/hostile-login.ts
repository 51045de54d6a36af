import { expect } from 'vitest';
import type { AuthOptions, AuthRouterOptions } from 'latchkey';
import { type HostileProvider, startHostileProvider } from './hostile-provider.js';
import { createHttpBrowser, type HttpBrowser, type Page } from './http-browser.js';
import { reservePort, serveLoginApp } from './login-app.js';

/** Refusals come as problem documents, which have a code, in the place of pages. */
const AS_SCRIPT = { accept: 'application/json', 'sec-fetch-mode': 'cors' } as const;

/** A log-in that waits for the user at the provider. */
export interface Begun {
  /** Where the browser was sent. */
  readonly authorization: URL;
  readonly browser: HttpBrowser;
  /** Lets the user agree and returns the callback URL. */
  readonly agree: () => Promise<URL>;
}

/** An application whose users sign in with two providers, `corp` and `other`, that do wrong when told to. */
export async function hostileLogin(
  options: AuthOptions | ((corp: HostileProvider) => AuthOptions) = {},
  routes: AuthRouterOptions = {},
) {
  const port = await reservePort();
  const [corp, other] = [await startHostileProvider(), await startHostileProvider()];
  const providers = { corp, other, domains: corp };
  const secrets = new Set([corp.clientSecret]);
  const asked: string[] = [];
  let aheadMs = 0;
  const app = serveLoginApp(
    port,
    {
      oidc: { corp: settingsOf(corp), other: settingsOf(other) },
      providerFetch(input, init) {
        asked.push(urlOf(input));
        return fetch(input, init);
      },
      now: () => Date.now() + aheadMs,
      ...(typeof options === 'function' ? options(corp) : options),
    },
    routes,
  );
  const { origin } = app;

  /** Goes as far as the provider, and fails the test when the application does not send the browser there. */
  async function begin(query = '', where: BeginOptions = {}): Promise<Begun> {
    const { at = 'corp', browser = createHttpBrowser() } = where;
    const page = await open(browser, `${origin}/api/auth/login/${at}?returnTo=/inside${query}`);
    expect(page.status, page.body).toBe(0);
    const authorization = new URL(page.url);
    for (const name of ['state', 'nonce'])
      secrets.add(authorization.searchParams.get(name) ?? 'none was sent');
    const agree = async (): Promise<URL> => {
      const callback = new URL(await providers[at].authorize(authorization.href));
      for (const code of callback.searchParams.getAll('code')) secrets.add(code);
      return callback;
    };
    return { authorization, browser, agree };
  }

  /** Opens a page, and stops before one of the providers. */
  function open(browser: HttpBrowser, url: string | URL, headers = {}): Promise<Page> {
    return browser.open(String(url), {
      headers: { ...AS_SCRIPT, ...headers },
      until: (place) => place.pathname === '/authorize',
    });
  }

  async function signIn(query = '', where: BeginOptions = {}): Promise<Visit> {
    const { browser, agree } = await begin(query, where);
    return { browser, page: await open(browser, await agree()) };
  }

  return {
    ...app,
    corp,
    other,
    asked,
    secrets,
    begin,
    open,
    signIn,
    advance: (seconds: number) => void (aheadMs += seconds * 1000),
  };
}

export type HostileLogin = Awaited<ReturnType<typeof hostileLogin>>;

interface BeginOptions {
  /** `domains` is `corp` under another name, for settings that come at run time. @defaultValue `corp` */
  readonly at?: 'corp' | 'other' | 'domains';
  /** @defaultValue a new one */
  readonly browser?: HttpBrowser;
}

/** What a browser shows. */
export interface Visit {
  readonly browser: HttpBrowser;
  readonly page: Page;
}

/** Where a request to a provider goes. */
export function urlOf(input: Parameters<typeof fetch>[0]): string {
  return input instanceof Request ? input.url : new URL(input).href;
}

export function settingsOf({ issuer, clientId, clientSecret }: HostileProvider) {
  return { issuer, clientId, clientSecret };
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  /** @defaultValue `corp` */
  readonly provider?: string;
}

/** Nobody is signed in, operators hear of it once, and nothing secret stands in what anybody gets to read. */
export function expectRefusal(
  { app, secrets }: { readonly app: HostileLogin; readonly secrets?: readonly string[] },
  { browser, page }: Visit,
  { status, code, provider = 'corp' }: Refusal,
): void {
  expect({ status: page.status, body: page.body }).toMatchObject({ status });
  expect(page.headers['content-type']).toContain('application/problem+json');
  expect(page.headers['cache-control']).toBe('no-store');
  expect(JSON.parse(page.body)).toMatchObject({ status, code });
  expect(sessionCookieOf(browser)).toBeUndefined();
  expect(eventsNamed(app, 'login.succeeded')).toEqual([]);
  expect(eventsNamed(app, 'login.failed')).toEqual([
    expect.objectContaining({
      provider,
      reason: expect.stringMatching(/^[a-z\d]+(?:_[a-z\d]+)*$/),
    }),
  ]);
  expectNoSecrets(app, JSON.stringify(app.events) + page.body, secrets);
}

/** Tokens of the provider and of ours have the forms that are looked for; the rest is known by value. */
export function expectNoSecrets(
  { secrets }: Pick<HostileLogin, 'secrets'>,
  text: string,
  others: readonly string[] = [],
): void {
  expect(text).not.toMatch(/eyJ|\b(?:code|access|refresh)-[\w-]{20}/);
  for (const secret of [...secrets, ...others]) expect(text).not.toContain(secret);
}

export function eventsNamed({ events }: Pick<HostileLogin, 'events'>, name: string) {
  return events.filter((entry) => entry.name === name).map(({ event }) => event);
}

export async function expectSignedIn({ origin }: HostileLogin, { browser, page }: Visit) {
  expect({ url: page.url, status: page.status, body: page.body }).toMatchObject({
    url: `${origin}/inside`,
    status: 200,
  });
  expect(await isSignedIn(origin, browser)).toBe(true);
}

export async function isSignedIn(origin: string, browser: HttpBrowser): Promise<boolean> {
  const { body } = await browser.fetch(`${origin}/api/auth/session`);
  const { authenticated } = JSON.parse(body) as { readonly authenticated: boolean };
  return authenticated;
}

/** The application's host, as browsers file cookies by it. */
export const HOST = 'localhost';

export function sessionCookieOf(browser: HttpBrowser): string | undefined {
  return browser.cookies(HOST).get('latchkey-session');
}

/** Cookies of log-ins on their way, by name. */
export function loginCookiesOf(browser: HttpBrowser): readonly (readonly [string, string])[] {
  return [...browser.cookies(HOST)].filter(([name]) => /^(?:__Host-)?latchkey-login-/.test(name));
}

/** The one cookie of a browser that has begun one log-in. */
export function loginCookieOf(browser: HttpBrowser): { name: string; value: string } {
  const [first, ...others] = loginCookiesOf(browser);
  expect(others).toEqual([]);
  if (!first) throw new Error('no log-in is on its way in this browser');
  return { name: first[0], value: first[1] };
}
