import { type AuthOptions, type Mail } from 'latchkey';
import { expect } from 'vitest';
import { PASSWORD } from './auth-server.js';
import { type HostileProvider, startHostileProvider } from './hostile-provider.js';
import { createHttpBrowser, type HttpBrowser, type Page } from './http-browser.js';
import { reservePort, serveLoginApp, sessionCookie } from './login-app.js';
import { onWorldEnd } from './shared-world.js';
import { AS_SCRIPT, clientAt, refusalOn, userOf } from './signed-in.js';

/** What the provider says in the ID token. */
export type Said = Readonly<Record<string, unknown>>;

export const ADA: Said = { sub: 'ada-there', email: 'ada@corp.example', email_verified: true };

interface Setting {
  readonly trustEmail?: boolean;
  readonly options?: AuthOptions;
  /** @defaultValue one of its own */
  readonly corp?: HostileProvider;
}

/** An application whose users sign in with `corp` or `other`, or with a password. */
export async function linkingApp({ trustEmail, options = {}, ...given }: Setting = {}) {
  const port = await reservePort();
  const corp = given.corp ?? (await startHostileProvider());
  const other = await startHostileProvider();
  const mails: Mail[] = [];
  let aheadMs = 0;
  const app = serveLoginApp(
    port,
    {
      oidc: {
        corp: { ...clientAt(corp), label: 'Corp', ...(trustEmail !== undefined && { trustEmail }) },
        other: clientAt(other),
      },
      now: () => Date.now() + aheadMs,
      ...options,
    },
    { sendMail: (mail) => mails.push(mail) },
  );
  onWorldEnd(() => app.auth.close());
  const { auth, origin } = app;

  /** The provider speaks of this user from now on. */
  const speakOf = (said: Said, provider = corp): void => {
    const claims = { email: undefined, email_verified: false, name: undefined, ...said };
    provider.misbehave({ idTokenClaims: claims, userinfo: claims });
  };

  const signIn = (browser: HttpBrowser, name = 'corp'): Promise<Page> =>
    browser.open(`${origin}/api/auth/login/${name}?returnTo=/inside`, { headers: AS_SCRIPT });

  /** In a browser of its own. Answers the user, or the refusal. */
  async function visit(said: Said, name: 'corp' | 'other' = 'corp') {
    const browser = createHttpBrowser();
    speakOf(said, name === 'corp' ? corp : other);
    const page = await signIn(browser, name);
    const user = await userOf(browser, origin);
    return { browser, user, refusal: user === undefined ? refusalOn(page) : undefined };
  }

  /** With a password, in this browser. */
  async function signInLocally(browser: HttpBrowser, username: string): Promise<void> {
    const json = { username, password: PASSWORD, delivery: 'cookie' };
    expect((await browser.fetch(`${origin}/api/auth/login`, { json })).status).toBe(200);
  }

  /** As after a log-in with a password, in a browser without a session; for tests of what comes later. */
  async function enter(browser: HttpBrowser, username: string): Promise<void> {
    const user = await auth.users.findByLogin(username);
    if (!user) throw new Error(`there is no user ${username}`);
    const { name, value } = await sessionCookie(app, user, Date.now() + aheadMs);
    browser.setCookie('localhost', name, value);
  }

  const link = (
    browser: HttpBrowser,
    { until, from = origin }: { until?: (url: URL) => boolean; from?: string } = {},
  ): Promise<Page> =>
    browser.open(`${origin}/api/auth/link/corp`, {
      form: { returnTo: '/inside' },
      from,
      headers: AS_SCRIPT,
      ...(until && { until }),
    });

  const users = () => auth.users.list({ limit: 100 });

  /** Sends a script's request of a page in this browser to one of our routes. */
  async function call(browser: HttpBrowser, request: string, json?: unknown) {
    const [method = '', path = ''] = request.split(' ');
    const { status, body } = await browser.fetch(`${origin}/api/auth${path}`, {
      method,
      ...(json !== undefined && { json }),
    });
    const answer: unknown = body === '' ? undefined : JSON.parse(body);
    return { status, body: answer };
  }

  const later = (seconds: number): void => void (aheadMs += seconds * 1000);
  const ways = { speakOf, signIn, visit, signInLocally, enter, link, call };
  return { app, auth, origin, corp, other, mails, users, later, ...ways };
}

export type LinkingApp = Awaited<ReturnType<typeof linkingApp>>;
