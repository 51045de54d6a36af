import { readFileSync } from 'node:fs';
import path from 'node:path';
import express from 'express';
import { createAuth, optionalPrincipalOf } from 'latchkey';
import { describe, expect, it } from 'vitest';
import {
  createApp as createAfter,
  provision,
} from '../../../examples/moving-from/express-openid-connect/after.js';
import { createApp as createBefore } from '../../../examples/moving-from/express-openid-connect/before.js';
import { createApp as createBoth } from '../../../examples/moving-from/express-openid-connect/side-by-side.js';
import { attemptSilentLogin } from '../../../examples/moving-from/express-openid-connect/silent-login.js';
import { root } from '../../package/build-package.js';
import { BASE, SECRET } from '../../world/auth-server.js';
import { createHttpBrowser, type HttpBrowser, type Page } from '../../world/http-browser.js';
import { reservePort } from '../../world/login-app.js';
import { signInAt, startLoginProvider } from '../../world/login-provider.js';
import { declaredNames, exportedNames, tabledNames } from '../../world/option-tables.js';

const EVIL = 'https://evil.example';

type Kind = 'before' | 'after' | 'both';

async function start(kind: Kind) {
  const port = await reservePort();
  const { origin } = port;
  const provider = await startLoginProvider({
    redirectUris: [`${origin}/callback`],
    postLogoutRedirectUris: [origin, `${origin}/`],
  });
  const { issuer, clientId, clientSecret } = provider;
  const auth = createAuth({
    ...BASE,
    publicUrl: origin,
    passwordLogin: false,
    oidc: { default: { issuer, clientId, clientSecret } },
    provision,
  });
  const config = {
    ...{ issuerBaseURL: issuer, clientID: clientId, clientSecret },
    ...{ baseURL: origin, secret: SECRET },
  };
  const apps = {
    before: () => createBefore(config),
    after: () => createAfter(auth),
    both: () => createBoth(auth, config),
  };
  const serve = (which: Kind) => port.serve(apps[which]());
  serve(kind);
  return { auth, origin, browser: createHttpBrowser(), serve, port };
}

interface Place {
  readonly origin: string;
  readonly browser: HttpBrowser;
}

const signIn = ({ origin, browser }: Place): Promise<Page> =>
  signInAt(browser, `${origin}/profile`, { login: 'ada' });

/** By the link of a page; says yes where the application, or the provider, asks. */
async function signOut({ origin, browser }: Place): Promise<Page> {
  const page = await browser.open(`${origin}/logout`, { from: origin });
  const [, link] = /href="(\/logout[^"]*)"/.exec(page.body) ?? [];
  const away =
    link === undefined
      ? page
      : await browser.open(`${origin}${link.replaceAll('&#38;', '&')}`, { from: origin });
  return browser.submit(away, { logout: 'yes' });
}

const statusOf = async ({ origin, browser }: Place): Promise<number> =>
  (await browser.fetch(`${origin}/api/me`)).status;

const COOKIE = { before: 'appSession', after: 'latchkey-session' } as const;

describe.each(['before', 'after'] as const)(
  'the application with express-openid-connect, %s',
  (kind) => {
    it('shows a page to who signs in at the provider on the way, by the callback that is registered', async () => {
      const place = await start(kind);
      const { origin, browser } = place;
      expect((await browser.open(`${origin}/`)).body).toContain('Nobody is signed in.');
      const profile = await signIn(place);
      expect(profile.url).toBe(`${origin}/profile`);
      expect(profile.visited.map((url) => new URL(url).pathname)).toContain('/callback');
      expect(profile.body).toContain('Profile of ada@idp.example');
      const saved = await browser.submit(profile, { colour: 'teal' });
      expect(saved.body).toContain('Favourite colour: teal');
      const me = await browser.fetch(`${origin}/api/me`);
      expect(JSON.parse(me.body)).toEqual({ sub: 'ada', colour: 'teal' });
    });

    it('leads from /login to the provider and from there home', async () => {
      const { origin, browser } = await start(kind);
      const page = await signInAt(browser, `${origin}/login`, { login: 'ada' });
      expect(new URL(page.url).href).toBe(`${origin}/`);
      expect(page.body).toContain('href="/profile"');
    });

    it('leads from a route of its own to the provider and from there where that route says', async () => {
      const { origin, browser } = await start(kind);
      const page = await signInAt(browser, `${origin}/join`, { login: 'ada' });
      expect(page.url).toBe(`${origin}/profile`);
    });

    it('signs out here and at the provider, and comes home', async () => {
      const place = await start(kind);
      await signIn(place);
      const home = await signOut(place);
      expect(new URL(home.url).href).toBe(`${place.origin}/`);
      expect(home.body).toContain('Nobody is signed in.');
      expect((await place.browser.open(`${place.origin}/profile`)).body).toContain(
        'name="prompt" value="login"',
      );
    });

    it('takes no form of another site for its user’s', async () => {
      const place = await start(kind);
      const { origin, browser } = place;
      await signIn(place);
      await browser.open(`${origin}/colour`, { form: { colour: 'pink' }, from: EVIL });
      expect((await browser.open(`${origin}/profile`)).body).not.toContain('pink');
    });
  },
);

describe('what differs', () => {
  it.each([
    { kind: 'before', any: 302, json: 401, type: 'text/html' },
    { kind: 'after', any: 401, json: 401, type: 'application/problem+json' },
  ] as const)('a script of a stranger gets $any $kind, and $json for JSON', async (row) => {
    const { origin } = await start(row.kind);
    const ask = (accept: string) =>
      fetch(`${origin}/api/me`, { headers: { accept }, redirect: 'manual' });
    expect((await ask('*/*')).status).toBe(row.any);
    const answer = await ask('application/json');
    expect(answer.status).toBe(row.json);
    expect(answer.headers.get('content-type')).toContain(row.type);
  });

  it.each([
    { kind: 'before', line: /^appSession=[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/ },
    {
      kind: 'after',
      line: /^latchkey-session=[^;]+; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/,
    },
  ] as const)('the cookie that a sign-in sets, $kind', async ({ kind, line }) => {
    const place = await start(kind);
    const { origin, browser } = place;
    await signIn(place);
    browser.setCookie('localhost', COOKIE[kind], '');
    const until = (url: URL): boolean => url.pathname === '/callback';
    const { url } = await browser.open(`${origin}/profile`, { until });
    const cookie = [...browser.cookies('localhost')].map((pair) => pair.join('=')).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } });
    expect(answer.headers.getSetCookie()).toContainEqual(expect.stringMatching(line));
  });

  it.each([
    { kind: 'before', status: 200 },
    { kind: 'after', status: 401 },
  ] as const)('a copied cookie gets $status after its user has signed out, $kind', async (row) => {
    const place = await start(row.kind);
    await signIn(place);
    const copied = place.browser.cookies('localhost').get(COOKIE[row.kind]) ?? '';
    await signOut(place);
    place.browser.setCookie('localhost', COOKIE[row.kind], copied);
    expect(await statusOf(place)).toBe(row.status);
  });

  it.each([
    { kind: 'before', asked: false },
    { kind: 'after', asked: true },
  ] as const)('a link of another site signs nobody out unasked, $kind: $asked', async (row) => {
    const place = await start(row.kind);
    await signIn(place);
    const isEndSession = (url: URL): boolean => url.pathname === '/session/end';
    await place.browser.open(`${place.origin}/logout`, { from: EVIL, until: isEndSession });
    expect((await place.browser.open(`${place.origin}/`)).body.includes('/profile')).toBe(
      row.asked,
    );
  });
});

describe('of two log-ins at once', () => {
  it.each([
    { kind: 'before', status: 400 },
    { kind: 'after', status: 200 },
  ] as const)('the first is answered with $status $kind', async ({ kind, status }) => {
    const place = await start(kind);
    const { origin, browser } = place;
    // From now on the provider asks nothing.
    await signIn(place);
    browser.setCookie('localhost', COOKIE[kind], '');
    const until = (url: URL): boolean => url.pathname === '/callback';
    const first = await browser.open(`${origin}/profile`, { until });
    await browser.open(`${origin}/profile`, { until });
    expect((await browser.open(first.url)).status).toBe(status);
  });
});

describe('attemptSilentLogin()', () => {
  async function startSilent() {
    const place = await start('after');
    const guard = place.auth.optionalAuth({ sessionCookie: true });
    const app = express().get('/silent', guard, attemptSilentLogin, (req, res) => {
      res.send(optionalPrincipalOf(req)?.user.username ?? 'a stranger');
    });
    place.port.serve(app.use(createAfter(place.auth)));
    return place;
  }

  it('signs in who is signed in at the provider, and asks nothing', async () => {
    const place = await startSilent();
    await signIn(place);
    place.browser.setCookie('localhost', COOKIE.after, '');
    const page = await place.browser.open(`${place.origin}/silent`);
    expect(page).toMatchObject({ body: 'ada', url: `${place.origin}/silent` });
  });

  it('asks once, and shows the page to a stranger', async () => {
    const { origin, browser } = await startSilent();
    const page = await browser.open(`${origin}/silent`);
    expect(page.body).toBe('a stranger');
    expect(page.url).toBe(`${origin}/silent?auth_error=login_required`);
    expect((await browser.open(`${origin}/silent`)).visited).toHaveLength(1);
  });
});

describe('both, side by side', () => {
  it('let a user of Latchkey use routes that have moved and routes that have not', async () => {
    const place = await start('both');
    const { origin, browser } = place;
    const profile = await signIn(place);
    expect(profile.url).toBe(`${origin}/profile`);
    expect((await browser.submit(profile, { colour: 'teal' })).body).toContain('teal');
    expect(JSON.parse((await browser.open(`${origin}/account`)).body)).toEqual({ username: 'ada' });
    await signOut(place);
    expect((await browser.open(`${origin}/account`)).url).not.toContain(origin);
  });

  it('let old sessions go on, until a route that has moved gets its user a new one, unasked', async () => {
    const place = await start('before');
    const { origin, browser, serve } = place;
    await signIn(place);
    serve('both');
    expect((await browser.open(`${origin}/profile`)).body).toContain('ada@idp.example');
    expect(browser.cookies('localhost').has('latchkey-session')).toBe(false);
    const account = await browser.open(`${origin}/account`);
    expect(account.url).toBe(`${origin}/account`);
    expect(browser.cookies('localhost').has('latchkey-session')).toBe(true);
    expect(browser.cookies('localhost').has('appSession')).toBe(false);
    serve('after');
    expect((await browser.open(`${origin}/profile`)).body).toContain('ada@idp.example');
    serve('both');
    await signOut(place);
    expect(await statusOf(place)).toBe(302);
  });

  it('end an old session at the provider, too', async () => {
    const place = await start('before');
    await signIn(place);
    place.serve('both');
    expect((await signOut(place)).body).toContain('Nobody is signed in.');
    expect((await place.browser.open(`${place.origin}/account`)).url).not.toContain(place.origin);
  });
});

describe('the README says what becomes of every option', () => {
  const types = 'express-openid-connect/index.d.ts';

  it.each([
    { heading: 'auth()', of: ['ConfigParams'] },
    { heading: 'session', of: ['SessionConfigParams', 'CookieConfigParams'] },
    { heading: 'authorizationParams', of: ['AuthorizationParameters'] },
    {
      heading: 'backchannelLogout, login(), logout(), callback()',
      of: ['BackchannelLogoutOptions', 'LoginOptions', 'LogoutOptions', 'CallbackOptions'],
    },
    { heading: 'req.oidc, res.oidc', of: ['RequestContext', 'ResponseContext'] },
    { heading: 'req.oidc.accessToken', of: ['AccessToken', 'RefreshParams'] },
    { heading: 'req.appSession', of: ['Session'] },
  ])('of $heading', ({ heading, of }) => {
    const declared = declaredNames(types, ...of);
    expect(tabledNames('express-openid-connect', heading)).toEqual(declared);
  });

  it('and of every function and error', () => {
    expect(tabledNames('express-openid-connect', 'Functions')).toEqual(exportedNames(types));
  });

  it('and of every variable', () => {
    const file = path.join(root, 'node_modules/express-openid-connect/lib/config.js');
    const read = readFileSync(file, 'utf8').matchAll(/process\.env\.(\w+)/g);
    const names = [...read].map(([, name]) => name);
    expect(tabledNames('express-openid-connect', 'Variables')).toEqual(new Set(names));
  });
});
