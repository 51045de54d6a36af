import express from 'express';
import { describe, expect, it } from 'vitest';
import { SECRET } from '../world/auth-server.js';
import { createHttpBrowser, type HttpBrowser } from '../world/http-browser.js';
import { reservePort } from '../world/login-app.js';
import {
  eventsNamed,
  expectNoSecrets,
  expectRefusal,
  expectSignedIn,
  HOST,
  type HostileLogin,
  hostileLogin,
  isSignedIn,
  loginCookieOf,
  sessionCookieOf,
} from '../world/hostile-login.js';

const BAD_REQUEST = { status: 400, code: 'INVALID_REQUEST' };
const FAILED = { status: 401, code: 'LOGIN_FAILED' };

/** What a browser holds that an attacker has got at, against the attacker's own callback. */
interface Trap {
  readonly app: HostileLogin;
  readonly victim: HttpBrowser;
  /** Of the attacker's log-in. */
  readonly cookie: { readonly name: string; readonly value: string };
}

describe('C1 log-in CSRF', () => {
  it.each<{ title: string; prepare: (trap: Trap) => unknown }>([
    { title: 'that has begun nothing', prepare: () => undefined },
    {
      title: 'that has begun a log-in of its own',
      prepare: ({ app, victim }) => app.begin('', { browser: victim }),
    },
    {
      title: 'whose own log-in was renamed to it',
      async prepare({ app, victim, cookie }) {
        await app.begin('', { browser: victim });
        rename(victim, cookie.name);
      },
    },
    {
      title: 'whose log-in at another provider was renamed to it',
      async prepare({ app, victim, cookie }) {
        await app.begin('', { browser: victim, at: 'other' });
        rename(victim, cookie.name);
      },
    },
    {
      title: 'with a cookie of which one character was changed',
      prepare({ victim, cookie: { name, value } }) {
        const middle = value.length - 40;
        const changed = value.charAt(middle) === 'A' ? 'B' : 'A';
        const spoilt = value.slice(0, middle) + changed + value.slice(middle + 1);
        victim.setCookie(HOST, name, spoilt);
      },
    },
    {
      title: 'with a cookie that was cut short',
      prepare: ({ victim, cookie: { name, value } }) =>
        victim.setCookie(HOST, name, value.slice(0, -1)),
    },
    {
      title: 'with a cookie of plain JSON',
      prepare: ({ victim, cookie: { name } }) =>
        victim.setCookie(HOST, name, Buffer.from('{"provider":"corp"}').toString('base64url')),
    },
    {
      title: 'with a cookie that says it is not encrypted',
      prepare({ victim, cookie: { name } }) {
        const header = Buffer.from('{"alg":"none","enc":"none"}').toString('base64url');
        victim.setCookie(HOST, name, `${header}....`);
      },
    },
    {
      title: 'with a cookie too large to be ours',
      prepare: ({ victim, cookie: { name } }) => victim.setCookie(HOST, name, 'A'.repeat(5000)),
    },
  ])("an attacker's callback is refused in a browser $title", async ({ prepare }) => {
    const app = await hostileLogin();
    const { browser: attacker, agree } = await app.begin();
    const callback = await agree();
    const victim = createHttpBrowser();
    await prepare({ app, victim, cookie: loginCookieOf(attacker) });
    const page = await app.open(victim, callback);
    expectRefusal({ app }, { browser: victim, page }, BAD_REQUEST);
    expect(app.corp.requests('/token')).toBe(0);
  });

  it("leaves the victim's own log-in as it was", async () => {
    const app = await hostileLogin();
    const attack = await (await app.begin()).agree();
    const { browser, agree } = await app.begin();
    expect((await app.open(browser, attack)).status).toBe(400);
    await expectSignedIn(app, { browser, page: await app.open(browser, await agree()) });
  });

  it.each([
    { title: 'before', inOrder: (own: string, planted: string) => [planted, own] },
    { title: 'after', inOrder: (own: string, planted: string) => [own, planted] },
  ])('a cookie planted $title the one of the same name is refused', async ({ inOrder }) => {
    const app = await hostileLogin();
    const planted = loginCookieOf((await app.begin()).browser).value;
    const { browser, agree } = await app.begin();
    const { name, value } = loginCookieOf(browser);
    browser.setCookie(HOST, name, inOrder(value, planted).join(`; ${name}=`));
    const page = await app.open(browser, await agree());
    expectRefusal({ app }, { browser, page }, BAD_REQUEST);
    expect(app.corp.requests('/token')).toBe(0);
  });

  it('a log-in that another application on the same host has begun counts for nothing', async () => {
    const app = await hostileLogin();
    const elsewhere = await hostileLogin({ jwt: { secret: `${SECRET}-of-another` } });
    const { browser, agree } = await elsewhere.begin();
    const { pathname, search } = await agree();
    // Cookies don't tell ports apart.
    const page = await app.open(browser, `${app.origin}${pathname}${search}`);
    expectRefusal({ app }, { browser, page }, BAD_REQUEST);
  });

  it('over https, a cookie that a sub-domain could have planted counts for nothing', async () => {
    const app = await hostileLogin({ publicUrl: 'https://app.example' });
    const { browser: attacker, agree } = await app.begin();
    const { name, value } = loginCookieOf(attacker);
    expect(name).toMatch(/^__Host-/);
    const { pathname, search } = await agree();
    const victim = createHttpBrowser();
    victim.setCookie(HOST, name.slice('__Host-'.length), value);
    const page = await app.open(victim, `${app.origin}${pathname}${search}`);
    expectRefusal({ app }, { browser: victim, page }, BAD_REQUEST);
  });
});

/** Under names that other software takes a session from. */
const SESSION_PARAMETERS = [
  'session',
  'session_id',
  'sessionId',
  'sid',
  'refresh_token',
  'latchkey-session',
  'PHPSESSID',
  'JSESSIONID',
];

describe('C1 session fixation', () => {
  async function fixation() {
    const app = await hostileLogin();
    const { browser: attacker } = await app.signIn();
    const planted = sessionCookieOf(attacker) ?? '';
    expect(planted).not.toBe('');
    app.events.length = 0;
    return { app, attacker, planted };
  }

  function withSession(url: URL, planted: string): URL {
    const crafted = new URL(url);
    for (const name of SESSION_PARAMETERS) crafted.searchParams.set(name, planted);
    return crafted;
  }

  it('a session in the query of a refused callback is not adopted', async () => {
    const { app, planted } = await fixation();
    const callback = await (await app.begin()).agree();
    const browser = createHttpBrowser();
    const page = await app.open(browser, withSession(callback, planted));
    expectRefusal({ app, secrets: [planted] }, { browser, page }, BAD_REQUEST);
    expect(page.headers['set-cookie']).toBeUndefined();
    expect(app.corp.requests('/token')).toBe(1);
  });

  it('a session in the query of log-in and callback is not the one that begins', async () => {
    const { app, attacker, planted } = await fixation();
    const query = SESSION_PARAMETERS.map((name) => `&${name}=${planted}`).join('');
    const { browser, agree } = await app.begin(query);
    const page = await app.open(browser, withSession(await agree(), planted));
    await expectSignedIn(app, { browser, page });
    expect(sessionCookieOf(browser)).not.toBe(planted);
    expect(await isSignedIn(app.origin, attacker)).toBe(true);
  });

  it('a planted session cookie is replaced by a new session, and its own session ends', async () => {
    const { app, attacker, planted } = await fixation();
    const victim = createHttpBrowser();
    victim.setCookie(HOST, 'latchkey-session', planted);
    await expectSignedIn(app, await app.signIn('', { browser: victim }));
    expect(sessionCookieOf(victim)).not.toBe(planted);
    expect(await isSignedIn(app.origin, attacker)).toBe(false);
    expect(eventsNamed(app, 'session.revoked')).toMatchObject([{ reason: 'replaced' }]);
  });

  it('a planted session cookie that was never ours is replaced', async () => {
    const app = await hostileLogin();
    const victim = createHttpBrowser();
    victim.setCookie(HOST, 'latchkey-session', 'chosen-by-somebody-else');
    await expectSignedIn(app, await app.signIn('', { browser: victim }));
    expect(sessionCookieOf(victim)).not.toBe('chosen-by-somebody-else');
  });
});

describe('C2 state', () => {
  it.each<{ title: string; spoil: (query: URLSearchParams) => void }>([
    { title: 'an unknown state', spoil: (query) => query.set('state', 'x'.repeat(43)) },
    { title: 'an empty state', spoil: (query) => query.set('state', '') },
    { title: 'no state', spoil: (query) => query.delete('state') },
    { title: 'a second state', spoil: (query) => query.append('state', 'x'.repeat(43)) },
    {
      title: 'the same state twice',
      spoil: (query) => query.append('state', query.get('state') ?? ''),
    },
    {
      title: 'its state in brackets',
      spoil(query) {
        query.set('state[]', query.get('state') ?? '');
        query.delete('state');
      },
    },
    { title: 'a second code', spoil: (query) => query.append('code', 'x') },
    {
      title: 'its code in brackets',
      spoil(query) {
        query.set('code[]', query.get('code') ?? '');
        query.delete('code');
      },
    },
  ])('a callback with $title is refused', async ({ spoil }) => {
    const app = await hostileLogin();
    const { browser, agree } = await app.begin();
    const callback = await agree();
    spoil(callback.searchParams);
    const page = await app.open(browser, callback);
    expectRefusal({ app }, { browser, page }, BAD_REQUEST);
    expect(app.corp.requests('/token')).toBe(0);
  });

  it('a callback without a code uses the log-in up', async () => {
    const app = await hostileLogin();
    const { browser, agree } = await app.begin();
    const callback = await agree();
    const withoutCode = new URL(callback);
    withoutCode.searchParams.delete('code');
    await app.open(browser, withoutCode);
    app.events.length = 0;
    const page = await app.open(browser, callback);
    expectRefusal({ app }, { browser, page }, BAD_REQUEST);
    expect(app.corp.requests('/token')).toBe(0);
  });

  it('a log-in is good for ten minutes', async () => {
    const app = await hostileLogin();
    const [soon, late] = [await app.begin(), await app.begin()];
    app.advance(590);
    const page = await app.open(soon.browser, await soon.agree());
    await expectSignedIn(app, { browser: soon.browser, page });
    app.events.length = 0;
    app.advance(11);
    const refused = await app.open(late.browser, await late.agree());
    expectRefusal({ app }, { browser: late.browser, page: refused }, BAD_REQUEST);
    expect(app.corp.requests('/token')).toBe(1);
  });
});

describe('C3 iss of the answer', () => {
  it.each([
    { title: 'of somebody else', iss: 'https://evil.example', refusal: FAILED },
    { title: 'with a slash more', iss: 'slash', refusal: FAILED },
    { title: 'that is empty', iss: '', refusal: FAILED },
    { title: 'that is missing though advertised', iss: undefined, refusal: FAILED },
    { title: 'given twice', iss: 'twice', refusal: BAD_REQUEST },
    { title: 'given with another', iss: ['https://evil.example'], refusal: BAD_REQUEST },
  ])('an answer with an iss $title is refused', async ({ iss, refusal }) => {
    const app = await hostileLogin();
    const { issuer } = app.corp;
    const known: Record<string, string | readonly string[]> = {
      slash: `${issuer}/`,
      twice: [issuer, issuer],
    };
    const sent = Array.isArray(iss) ? [issuer, ...iss] : (known[String(iss)] ?? iss);
    app.corp.misbehave({ callback: { iss: sent } });
    const visit = await app.signIn();
    expectRefusal({ app }, visit, refusal);
    expect(app.corp.requests('/token')).toBe(0);
  });

  it('an answer without one is fine from a provider that does not send any', async () => {
    const app = await hostileLogin();
    app.corp.misbehave({
      callback: { iss: undefined },
      discovery: { authorization_response_iss_parameter_supported: undefined },
    });
    await expectSignedIn(app, await app.signIn());
  });
});

describe('C5 mix-up', () => {
  it("an answer with one provider's state is refused at the other's callback", async () => {
    const app = await hostileLogin();
    const { browser, agree } = await app.begin();
    const callback = await agree();
    callback.pathname = callback.pathname.replace(/corp$/, 'other');
    for (const iss of [app.corp.issuer, app.other.issuer]) {
      app.events.length = 0;
      callback.searchParams.set('iss', iss);
      const page = await app.open(browser, callback);
      expectRefusal({ app }, { browser, page }, { ...BAD_REQUEST, provider: 'other' });
    }
    expect(app.corp.requests('/token') + app.other.requests('/token')).toBe(0);
  });

  it("an answer by another provider is refused at the first one's callback", async () => {
    const app = await hostileLogin();
    const { browser, agree } = await app.begin();
    const callback = await agree();
    callback.searchParams.set('iss', app.other.issuer);
    const page = await app.open(browser, callback);
    expectRefusal({ app }, { browser, page }, FAILED);
    expect(app.corp.requests('/token') + app.other.requests('/token')).toBe(0);
  });

  it("an honest provider's code never reaches the provider that the log-in began at", async () => {
    const app = await hostileLogin();
    const evil = await app.begin('', { at: 'other' });
    // The evil provider sends the user on to the honest one, with the state that it was given.
    const { authorization, agree } = await app.begin();
    authorization.searchParams.set('state', evil.authorization.searchParams.get('state') ?? '');
    const callback = await agree();
    const page = await app.open(evil.browser, callback);
    expectRefusal({ app }, { browser: evil.browser, page }, BAD_REQUEST);
    expect(app.other.requests('/token') + app.corp.requests('/token')).toBe(0);
  });
});

describe('C6 forged hosts', () => {
  /** Behind a proxy that is believed, so that whoever asks the framework gets the forged answer. */
  async function behindProxy() {
    const world = await hostileLogin();
    const port = await reservePort();
    const app = express().set('trust proxy', true);
    app.use('/api/auth', world.auth.router());
    app.use(world.auth.errorHandler());
    port.serve(app);
    return { world, origin: port.origin };
  }

  it.each([
    { title: 'Host', forged: { host: 'evil.example' } },
    { title: 'X-Forwarded-Host', forged: { 'x-forwarded-host': 'evil.example' } },
    { title: 'X-Forwarded-Proto', forged: { 'x-forwarded-proto': 'javascript' } },
    { title: 'Forwarded', forged: { forwarded: 'host=evil.example;proto=javascript' } },
    {
      title: 'every header',
      forged: {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'javascript',
        'x-forwarded-port': '666',
        'x-original-host': 'evil.example',
        'x-forwarded-prefix': '/evil.example',
        'x-original-url': '//evil.example',
      },
    },
  ])('$title has no say in where anybody is sent', async ({ forged }) => {
    const { world, origin } = await behindProxy();
    const browser = createHttpBrowser();
    const sent = await world.open(browser, `${origin}/api/auth/login/corp`, forged);
    const redirectUri = new URL(sent.url).searchParams.get('redirect_uri');
    expect(redirectUri).toBe(`${world.origin}/api/auth/callback/corp`);

    const callback = new URL(await world.corp.authorize(sent.url));
    const back = await browser.open(`${origin}${callback.pathname}${callback.search}`, {
      headers: forged,
      until: ({ pathname }) => pathname === '/',
    });
    // A provider compares the redirect URI of the token request with that of the authorization.
    expect(back.url).toBe(`${origin}/`);
    expect(sessionCookieOf(browser)).toBeDefined();

    for (const path of ['/signin', '/callback/corp', '/login/nobody']) {
      const page = await createHttpBrowser().open(`${origin}/api/auth${path}`, { headers: forged });
      expect(JSON.stringify(page)).not.toMatch(/evil\.example|javascript:/);
    }
  });
});

describe('C7 codes', () => {
  it('a callback is good once, also with its cookie restored', async () => {
    const app = await hostileLogin();
    const { browser, agree } = await app.begin();
    const { name, value } = loginCookieOf(browser);
    const callback = await agree();
    await expectSignedIn(app, { browser, page: await app.open(browser, callback) });
    app.events.length = 0;
    const thief = createHttpBrowser();
    thief.setCookie(HOST, name, value);
    const page = await app.open(thief, callback);
    expectRefusal({ app }, { browser: thief, page }, BAD_REQUEST);
    expect(app.corp.requests('/token')).toBe(1);
  });

  it('a callback that is opened by many at once is good for one of them', async () => {
    const app = await hostileLogin();
    const { browser, agree } = await app.begin();
    const { name, value } = loginCookieOf(browser);
    const callback = await agree();
    const pages = await Promise.all(
      Array.from({ length: 10 }, () => {
        const copy = createHttpBrowser();
        copy.setCookie(HOST, name, value);
        return app.open(copy, callback);
      }),
    );
    expect(pages.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(pages.filter(({ status }) => status === 400)).toHaveLength(9);
    expect(app.corp.requests('/token')).toBe(1);
    expect(eventsNamed(app, 'login.succeeded')).toHaveLength(1);
  });

  it("somebody else's code in one's own callback is refused", async () => {
    const app = await hostileLogin();
    const stolen = (await (await app.begin()).agree()).searchParams.get('code') ?? '';
    const { browser, agree } = await app.begin();
    const callback = await agree();
    callback.searchParams.set('code', stolen);
    const page = await app.open(browser, callback);
    expectRefusal({ app }, { browser, page }, FAILED);
    expect(app.corp.requests('/token')).toBe(1);
  });

  it('a code for another verifier, or of another client, is refused', async () => {
    const app = await hostileLogin();
    const { browser, authorization, agree } = await app.begin();
    authorization.searchParams.set('code_challenge', 'x'.repeat(43));
    const page = await app.open(browser, await agree());
    expectRefusal({ app }, { browser, page }, FAILED);
    app.events.length = 0;
    app.corp.misbehave({ token: 'invalid_grant' });
    expectRefusal({ app }, await app.signIn(), FAILED);
  });
});

describe("C8 a provider's refusal", () => {
  const TEXT = '<script>alert(1)</script>';

  it.each([
    { error: 'access_denied', status: 403, code: 'LOGIN_DENIED' },
    { error: 'unauthorized_client', status: 403, code: 'LOGIN_DENIED' },
    { error: 'login_required', ...FAILED },
    { error: 'server_error', status: 502, code: 'PROVIDER_ERROR' },
    { error: 'temporarily_unavailable', status: 502, code: 'PROVIDER_ERROR' },
    { error: 'invalid_scope', ...FAILED },
    { error: '__proto__', ...FAILED },
    { error: TEXT, ...FAILED },
  ])('$error is answered $status without a word of theirs', async ({ error, ...refusal }) => {
    const app = await hostileLogin();
    const callback = { code: undefined, error, error_description: TEXT, error_uri: TEXT };
    app.corp.misbehave({ callback });
    expectRefusal({ app, secrets: ['alert(1)'] }, await app.signIn(), refusal);
    expect(app.corp.requests('/token')).toBe(0);

    const { browser, agree } = await app.begin();
    const page = await browser.open((await agree()).href, { from: app.corp.issuer });
    expect(page.status).toBe(refusal.status);
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.body).not.toContain('alert(1)');
  });

  it('with a state that is not ours is answered 400 without a word of theirs', async () => {
    const app = await hostileLogin();
    const browser = createHttpBrowser();
    const query = new URLSearchParams({ error: 'access_denied', state: TEXT });
    query.set('error_description', TEXT);
    const url = `${app.origin}/api/auth/callback/corp?${query.toString()}`;
    const page = await app.open(browser, url);
    expectRefusal({ app, secrets: ['alert(1)'] }, { browser, page }, BAD_REQUEST);
    expect((await browser.open(url)).body).not.toContain('alert(1)');
  });

  it.each(['login_required', 'interaction_required', 'consent_required'])(
    '%s is told to the page that forbade to ask the user',
    async (error) => {
      const app = await hostileLogin();
      app.corp.misbehave({ callback: { code: undefined, error, error_description: TEXT } });
      const { page, browser } = await app.signIn('&prompt=none');
      expect(page.url).toBe(`${app.origin}/inside?auth_error=${error}`);
      expect(sessionCookieOf(browser)).toBeUndefined();
      expectNoSecrets(app, JSON.stringify(app.events));
    },
  );

  it('access_denied is a refusal also where the user was not to be asked', async () => {
    const app = await hostileLogin();
    app.corp.misbehave({ callback: { code: undefined, error: 'access_denied' } });
    const refusal = { status: 403, code: 'LOGIN_DENIED' };
    expectRefusal({ app }, await app.signIn('&prompt=none'), refusal);
  });
});

function rename(browser: HttpBrowser, name: string): void {
  const own = loginCookieOf(browser);
  browser.setCookie(HOST, own.name, '');
  browser.setCookie(HOST, name, own.value);
}
