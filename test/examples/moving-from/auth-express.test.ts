import { createAuth } from 'latchkey';
import { describe, expect, it } from 'vitest';
import {
  createApp as createAfter,
  provision,
} from '../../../examples/moving-from/auth-express/after.js';
import { createApp as createBefore } from '../../../examples/moving-from/auth-express/before.js';
import { importUsers } from '../../../examples/moving-from/auth-express/import-users.js';
import { createApp as createBoth } from '../../../examples/moving-from/auth-express/side-by-side.js';
import { BASE, SECRET } from '../../world/auth-server.js';
import { createHttpBrowser, type HttpBrowser, type Page } from '../../world/http-browser.js';
import { reservePort } from '../../world/login-app.js';
import { signInAt, startLoginProvider } from '../../world/login-provider.js';
import {
  declaredNames,
  declaredTexts,
  exportedNames,
  tabledNames,
} from '../../world/option-tables.js';

const EVIL = 'https://evil.example';

type Kind = 'before' | 'after' | 'both';

async function start(kind: Kind, { trustEmail = false } = {}) {
  const port = await reservePort();
  const { origin } = port;
  const provider = await startLoginProvider({
    redirectUris: [`${origin}/auth/callback/corp`],
    postLogoutRedirectUris: [`${origin}/`],
    claims: (sub) => ({ name: sub.toUpperCase() }),
  });
  const { issuer, clientId, clientSecret } = provider;
  const auth = createAuth({
    ...BASE,
    publicUrl: origin,
    passwordLogin: false,
    oidc: { corp: { issuer, clientId, clientSecret, trustEmail } },
    provision,
  });
  const corp = { id: 'corp', name: 'Corp', type: 'oidc', idToken: false } as const;
  const config = {
    providers: [{ ...corp, issuer, clientId, clientSecret }],
    secret: SECRET,
    logger: { error: () => undefined },
  };
  const apps = {
    before: () => createBefore(config),
    after: () => createAfter(auth),
    both: () => createBoth(auth, config),
  };
  const serve = (which: Kind) => port.serve(apps[which]());
  serve(kind);
  return { auth, origin, issuer, browser: createHttpBrowser(), serve };
}

interface Place {
  readonly origin: string;
  readonly browser: HttpBrowser;
}

/** By the sign-in page, on the way to a page: a form of Auth.js, or a link. */
async function signIn({ origin, browser }: Place): Promise<Page> {
  const page = await browser.open(`${origin}/profile`);
  expect(new URL(page.url).pathname).toBe('/auth/signin');
  const asked = await goOn({ origin, browser }, page);
  return signInAt(browser, asked.url, { login: 'ada' });
}

/** Says yes where Auth.js asks, or Latchkey and then the provider. */
async function signOut({ origin, browser }: Place): Promise<Page> {
  const page = await goOn({ origin, browser }, await browser.open(`${origin}/auth/signout`));
  return new URL(page.url).pathname === '/session/end'
    ? browser.submit(page, { logout: 'yes' })
    : page;
}

function goOn(
  { origin, browser }: Place,
  page: Page,
  options: { readonly until?: (url: URL) => boolean } = {},
): Promise<Page> {
  const [, link] = /href="(\/auth\/log(?:in|out)[^"]*)"/.exec(page.body) ?? [];
  if (link === undefined) return browser.submit(page, {}, options);
  return browser.open(`${origin}${link.replaceAll('&#38;', '&')}`, { from: origin, ...options });
}

const statusOf = async ({ origin, browser }: Place): Promise<number> =>
  (await browser.fetch(`${origin}/api/me`)).status;

const COOKIE = { before: 'authjs.session-token', after: 'latchkey-session' } as const;

describe.each(['before', 'after'] as const)('the application with Auth.js, %s', (kind) => {
  it('shows a page to who signs in at the provider on the way, by the callback that is registered', async () => {
    const place = await start(kind);
    const { origin, browser } = place;
    expect((await browser.open(`${origin}/`)).body).toContain('Nobody is signed in.');
    expect(await statusOf(place)).toBe(401);
    const profile = await signIn(place);
    expect(profile.url).toBe(`${origin}/profile`);
    expect(profile.body).toContain('Profile of ada@idp.example');
    const saved = await browser.submit(profile, { colour: 'teal' });
    expect(saved.body).toContain('Favourite colour: teal');
    expect((await browser.open(`${origin}/`)).body).toContain('Hello ADA');
    const me = await browser.fetch(`${origin}/api/me`);
    expect(JSON.parse(me.body)).toEqual({ id: 'ada' });
  });

  it('tells scripts who is signed in', async () => {
    const place = await start(kind);
    const ask = () => place.browser.fetch(`${place.origin}/auth/session`);
    expect(JSON.parse((await ask()).body)).toBeNull();
    await signIn(place);
    const { body, headers } = await ask();
    expect(JSON.parse(body)).toEqual({
      user: { id: 'ada', name: 'ADA', email: 'ada@idp.example' },
      expires: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(headers['cache-control']).toBe('private, no-cache, no-store');
  });

  it('asks, and signs out', async () => {
    const place = await start(kind);
    await signIn(place);
    await signOut(place);
    expect(await statusOf(place)).toBe(401);
    const home = await place.browser.open(`${place.origin}/`);
    expect(home.body).toContain('Nobody is signed in.');
  });

  it('takes no form of another site for its user’s, nor is anybody signed out by one', async () => {
    const place = await start(kind);
    const { origin, browser } = place;
    await signIn(place);
    await browser.open(`${origin}/colour`, { form: { colour: 'pink' }, from: EVIL });
    await browser.open(`${origin}/auth/signout`, { form: { csrfToken: 'guessed' }, from: EVIL });
    const profile = await browser.open(`${origin}/profile`);
    expect(profile.body).toContain('Profile of ada@idp.example');
    expect(profile.body).not.toContain('pink');
  });
});

describe('what differs', () => {
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
    { kind: 'before', remembered: true },
    { kind: 'after', remembered: false },
  ] as const)(
    'who has signed out is remembered at the provider, $kind: $remembered',
    async (row) => {
      const place = await start(row.kind);
      await signIn(place);
      await signOut(place);
      const page = await goOn(place, await place.browser.open(`${place.origin}/profile`));
      expect(page.url === `${place.origin}/profile`).toBe(row.remembered);
    },
  );
});

describe('the cookie that a sign-in sets', () => {
  it.each([
    {
      ...{ kind: 'before' as const },
      line: /^authjs\.session-token=[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
    },
    {
      ...{ kind: 'after' as const },
      line: /^latchkey-session=[^;]+; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/,
    },
  ])('$kind is as the README says', async ({ kind, line }) => {
    const place = await start(kind);
    const { origin, browser } = place;
    await signIn(place);
    browser.setCookie('localhost', COOKIE[kind], '');
    const until = (url: URL): boolean => url.pathname === '/auth/callback/corp';
    const asked = await browser.open(`${origin}/auth/signin?callbackUrl=%2Fprofile`);
    const { url } = await goOn(place, asked, { until });
    const cookie = [...browser.cookies('localhost')].map((pair) => pair.join('=')).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } });
    expect(answer.headers.getSetCookie()).toContainEqual(expect.stringMatching(line));
  });
});

describe('links to the pages of Auth.js', () => {
  it('go on working, and lead where they did', async () => {
    const { origin, browser } = await start('after');
    const link = `${origin}/auth/signin/corp?callbackUrl=%2Fprofile`;
    const page = await signInAt(browser, link, { login: 'ada' });
    expect(page.url).toBe(`${origin}/profile`);
    const evil = `${origin}/auth/signin?callbackUrl=https%3A%2F%2Fevil.example`;
    expect((await browser.open(evil)).url).toBe(`${origin}/`);
  });
});

describe('users of a database adapter', () => {
  const ada = { id: 'cm3x7', email: 'ada@idp.example', emailVerified: null, name: 'Ada' };
  const account = { provider: 'corp', providerAccountId: 'ada' };

  it('sign in to the account that they had, at the provider that they had', async () => {
    const place = await start('after');
    const { auth, origin, issuer } = place;
    const former = [{ user: ada, accounts: [account, { ...account, provider: 'gone' }] }];
    await importUsers(former, { corp: issuer }, auth);
    await importUsers(former, { corp: issuer }, auth);
    expect((await signIn(place)).url).toBe(`${origin}/profile`);
    expect(await auth.sessions.list(ada.id)).toHaveLength(1);
    expect(await auth.identities.list(ada.id)).toHaveLength(1);
  });

  it.each([
    { trustEmail: true, status: 200, page: '/profile' },
    { trustEmail: false, status: 403, page: '/auth/callback/corp' },
  ])(
    'without accounts are found by address if it is trusted: $trustEmail, $status',
    async (row) => {
      const place = await start('after', row);
      const { auth, origin, browser } = place;
      await importUsers([{ user: ada, accounts: [] }], {}, auth);
      const page = await signIn(place);
      expect(page.status).toBe(row.status);
      expect(new URL(page.url).pathname).toBe(row.page);
      const sessions = await auth.sessions.list(ada.id);
      expect(sessions).toHaveLength(row.trustEmail ? 1 : 0);
      expect((await browser.fetch(`${origin}/api/me`)).status).toBe(row.trustEmail ? 200 : 401);
    },
  );
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
    expect((await browser.open(`${origin}/profile`)).url).toContain('/auth/signin');
  });

  it('let old sessions go on, until a route that has moved gets its user a new one, unasked', async () => {
    const place = await start('before');
    const { origin, browser, serve } = place;
    await signIn(place);
    serve('both');
    expect((await browser.open(`${origin}/profile`)).body).toContain('ada@idp.example');
    expect(JSON.parse((await browser.fetch(`${origin}/auth/session`)).body)).toMatchObject({
      user: { id: 'ada', email: 'ada@idp.example' },
    });
    expect(browser.cookies('localhost').has(COOKIE.after)).toBe(false);
    expect((await browser.open(`${origin}/account`)).url).toBe(`${origin}/account`);
    expect(browser.cookies('localhost').has(COOKIE.after)).toBe(true);
    expect(browser.cookies('localhost').has(COOKIE.before)).toBe(false);
    serve('after');
    expect((await browser.open(`${origin}/profile`)).body).toContain('ada@idp.example');
  });

  it('end an old session as Auth.js does', async () => {
    const place = await start('before');
    const { origin, browser } = place;
    await signIn(place);
    place.serve('both');
    await signOut(place);
    expect(browser.cookies('localhost').has(COOKIE.before)).toBe(false);
    expect((await browser.open(`${origin}/profile`)).url).toContain('/auth/signin');
  });
});

describe('the README says what becomes of every option', () => {
  it('of ExpressAuth()', () => {
    const declared = [
      ...declaredNames('@auth/core/index.d.ts', 'AuthConfig'),
      ...declaredNames('@auth/core/jwt.d.ts', 'JWTOptions'),
      ...declaredNames('@auth/core/types.d.ts', 'PagesOptions', 'Theme', 'CookiesOptions'),
    ];
    expect(tabledNames('auth-express', 'ExpressAuth()')).toEqual(new Set(declared));
  });

  it('of every name', () => {
    const names = exportedNames('@auth/express/index.d.ts');
    expect(tabledNames('auth-express', 'Names')).toEqual(names);
  });

  it('of every address', () => {
    const actions = declaredTexts('@auth/core/types.d.ts', 'AuthAction');
    expect(tabledNames('auth-express', 'Addresses below /auth')).toEqual(actions);
  });

  it('of an adapter', () => {
    const methods = declaredNames('@auth/core/adapters.d.ts', 'Adapter');
    const declared = [...declaredNames('@auth/core/adapters.d.ts', 'AdapterUser'), ...methods];
    expect(tabledNames('auth-express', 'An adapter')).toEqual(new Set(declared));
  });

  it('of a provider', () => {
    const declared = [
      ...declaredNames('@auth/core/providers/index.d.ts', 'CommonProviderOptions'),
      ...declaredNames('@auth/core/providers/oauth.d.ts', 'OAuth2Config', 'OIDCConfig'),
      ...declaredNames('@auth/core/providers/credentials.d.ts', 'CredentialsConfig'),
      ...declaredNames('@auth/core/providers/email.d.ts', 'EmailConfig'),
    ];
    expect(tabledNames('auth-express', 'A provider')).toEqual(new Set(declared));
  });
});
