import type { AuthOptions } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { addUser, PASSWORD } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { startGoogleKeys } from '../world/google-keys.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { reservePort, serveLoginApp } from '../world/login-app.js';
import { refusalIn } from '../world/signed-in.js';

type Claims = Readonly<Record<string, unknown>>;

/** Of a form; an origin of null is left out. */
interface FormHeaders {
  readonly origin?: string | null;
  readonly 'sec-fetch-site'?: string;
  readonly cookie?: string;
}

/** An application with Google's button, and a clock. */
async function world(options: AuthOptions = {}) {
  const clock = createClock();
  const port = await reservePort();
  const google = await startGoogleKeys(clock.now);
  const app = serveLoginApp(port, {
    google: { clientId: google.clientId },
    providerFetch: google.fetch,
    now: clock.now,
    ...options,
  });
  const address = `${app.origin}/api/auth/google`;
  const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  /** As a page of ours does with what Google's script has handed to it. */
  const signIn = (idToken: string): Promise<Response> => post({ id_token: idToken });
  /** As Google's page does it. */
  const postForm = (
    fields: Readonly<Record<string, string>>,
    { origin = 'https://accounts.google.com', ...headers }: FormHeaders = {},
  ): Promise<Response> =>
    fetch(address, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        ...(origin !== null && { origin }),
        'sec-fetch-site': 'cross-site',
        ...headers,
      },
      body: new URLSearchParams(fields),
    });
  const users = () => app.auth.users.list({ limit: 10 });
  return { app, clock, google, post, postForm, signIn, users };
}

/** Seconds since 1970 in a world that has just begun. */
const NOW = createClock().now() / 1000;

const userIn = async (response: Response, origin: string): Promise<Claims> => {
  const { access_token: token } = (await response.json()) as { access_token: string };
  const me = await fetch(`${origin}/api/me`, { headers: { authorization: `Bearer ${token}` } });
  const { user } = (await me.json()) as { user: Claims };
  return user;
};

describe("an ID token of Google's button", () => {
  it('signs in, with tokens in the answer', async () => {
    const { app, google, signIn } = await world();
    const response = await signIn(await google.idToken());
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('set-cookie')).toBeNull();
    const tokens = (await response.clone().json()) as Claims;
    expect(Object.keys(tokens).toSorted()).toEqual([
      'access_token',
      'expires_in',
      'must_reset_password',
      'refresh_in',
      'refresh_token',
      'token_type',
    ]);
    expect(await userIn(response, app.origin)).toMatchObject({
      email: 'ada@allowed.com',
      roles: [],
    });
    expect(app.events.map(({ name, event }) => ({ name, event }))).toMatchObject([
      { name: 'identity.linked', event: { provider: 'google', by: 'new' } },
      { name: 'login.succeeded', event: { provider: 'google' } },
    ]);
  });

  it('signs in by cookie where a page asks for that, and no refresh token is in the answer', async () => {
    const { app, google, post } = await world();
    const response = await post(
      { id_token: await google.idToken(), delivery: 'cookie' },
      { origin: app.origin, 'sec-fetch-site': 'same-origin' },
    );
    expect(response.status).toBe(200);
    expect(response.headers.get('set-cookie')).toMatch(/^latchkey-session=.+HttpOnly/);
    expect(await response.json()).not.toHaveProperty('refresh_token');
  });

  it('may name Google without https://, and is the same account then', async () => {
    const { app, google, signIn, users } = await world();
    const first = await signIn(await google.idToken());
    const second = await signIn(await google.idToken({ iss: 'accounts.google.com' }));
    expect(second.status).toBe(200);
    expect((await userIn(second, app.origin))['id']).toBe((await userIn(first, app.origin))['id']);
    expect(await users()).toHaveLength(1);
  });

  it.each([
    {
      title: 'a list of just us',
      claims: { aud: ['1234567890-abcdef.apps.googleusercontent.com'] },
    },
    { title: 'no azp', claims: { azp: undefined } },
    { title: 'an age of almost ten minutes', claims: { iat: NOW - 599 } },
    { title: 'a clock that is a minute fast', claims: { iat: NOW + 60 } },
    { title: 'an end less than a minute ago', claims: { exp: NOW - 59 } },
  ])('may have $title', async ({ claims }) => {
    const { google, signIn } = await world();
    expect((await signIn(await google.idToken(claims))).status).toBe(200);
  });

  it('costs one key fetch, however many come', async () => {
    const { google, signIn } = await world();
    const subjects = Array.from({ length: 10 }, (_, index) => ({ sub: `user-${index}` }));
    const tokens = await Promise.all(
      subjects.map((claims) => google.idToken({ ...claims, email: undefined })),
    );
    const statuses = await Promise.all(tokens.map(async (token) => (await signIn(token)).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(google.fetches).toBe(1);
  });
});

describe('C13 ID tokens that are not for us, or not of now', () => {
  it.each<{ title: string; claims: Claims }>([
    { title: 'iss of somebody else', claims: { iss: 'https://accounts.google.com.evil.example' } },
    { title: 'iss with a slash', claims: { iss: 'https://accounts.google.com/' } },
    { title: 'iss over http', claims: { iss: 'http://accounts.google.com' } },
    { title: 'iss as a list', claims: { iss: ['https://accounts.google.com'] } },
    { title: 'no iss', claims: { iss: undefined } },
    { title: 'aud of another client', claims: { aud: 'other', azp: 'other' } },
    { title: 'aud of another client, azp ours', claims: { aud: 'other' } },
    { title: 'azp of another client', claims: { azp: 'other' } },
    {
      title: 'aud with others beside us and no azp',
      claims: { aud: ['1234567890-abcdef.apps.googleusercontent.com', 'other'], azp: undefined },
    },
    { title: 'aud as a list without us', claims: { aud: ['other', 'another'] } },
    { title: 'aud as an empty list', claims: { aud: [] } },
    { title: 'no aud', claims: { aud: undefined } },
    { title: 'an age of ten minutes', claims: { iat: NOW - 600 } },
    { title: 'iat in the future', claims: { iat: NOW + 61 } },
    { title: 'iat as text', claims: { iat: String(NOW) } },
    { title: 'no iat', claims: { iat: undefined } },
    { title: 'exp in the past', claims: { exp: NOW - 60 } },
    { title: 'no exp', claims: { exp: undefined } },
    { title: 'no sub', claims: { sub: undefined } },
    { title: 'an empty sub', claims: { sub: '' } },
    { title: 'sub as a number', claims: { sub: 110_169_484 } },
  ])('$title is refused', async ({ claims }) => {
    const { google, signIn, users } = await world();
    const response = await signIn(await google.idToken(claims));
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await refusalIn(response)).toEqual({ status: 401, code: 'LOGIN_FAILED' });
    expect(await users()).toEqual([]);
  });

  it.each<{
    title: string;
    make: (google: Awaited<ReturnType<typeof startGoogleKeys>>) => unknown;
  }>([
    { title: 'by an unknown key', make: (google) => google.forgedIdToken('unknown') },
    {
      title: "by another key under Google's name",
      make: (google) => google.forgedIdToken('published'),
    },
    { title: 'with alg none', make: (google) => google.secretlessIdToken('none') },
    { title: 'with alg HS256', make: (google) => google.secretlessIdToken('HS256') },
    {
      title: 'that says it holds another',
      make: (google) => google.idToken({}, { cty: 'JWT' }),
    },
    { title: 'of no known shape', make: () => 'three.little.words' },
    { title: 'of nothing', make: () => '' },
  ])('a token $title is refused', async ({ make }) => {
    const { google, post, users } = await world();
    const response = await post({ id_token: await make(google) });
    expect(await refusalIn(response)).toEqual({ status: 401, code: 'LOGIN_FAILED' });
    expect(await users()).toEqual([]);
  });

  it.each<{ title: string; body: unknown; status: number }>([
    { title: 'a token that is no text', body: { id_token: ['a'] }, status: 400 },
    { title: 'no token', body: {}, status: 400 },
    { title: 'more than it knows', body: { id_token: 'a', userId: 'b' }, status: 400 },
    { title: 'no JSON', body: '{', status: 400 },
  ])('a body with $title is malformed', async ({ body, status }) => {
    const { post } = await world();
    expect(await refusalIn(await post(body))).toEqual({ status, code: 'INVALID_REQUEST' });
  });

  it('a token longer than a body may be is refused', async () => {
    const { google, post, users } = await world();
    const response = await post({ id_token: await google.idToken({ name: 'x'.repeat(16_384) }) });
    expect(response.status).toBe(413);
    expect(await users()).toEqual([]);
  });
});

describe('C13 the same ID token twice', () => {
  it('is refused the second time, for as long as it could be good', async () => {
    const { clock, google, signIn } = await world();
    const token = await google.idToken();
    expect((await signIn(token)).status).toBe(200);
    for (const seconds of [0, 300, 299, 3, 3, 600]) {
      clock.advance(seconds);
      expect(await refusalIn(await signIn(token))).toEqual({ status: 401, code: 'LOGIN_FAILED' });
    }
  });

  it('signs in once, however many come at the same moment, by whichever way', async () => {
    const { google, postForm, signIn } = await world();
    const token = await google.idToken();
    const form = { credential: token, g_csrf_token: 'double' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0 ? signIn(token) : postForm(form, { cookie: 'g_csrf_token=double' }),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200 || status === 303)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(19);
  });
});

describe('C13 allowed domains', () => {
  const google = { clientId: '1234567890-abcdef.apps.googleusercontent.com' };
  const options = { google: { ...google, allowedDomains: ['allowed.com'] } };

  it('lets in who belongs to one of them, whatever the address', async () => {
    const all = await world(options);
    const token = await all.google.idToken({ email: 'ada@another.example' });
    expect((await all.signIn(token)).status).toBe(200);
  });

  it.each<{ title: string; claims: Claims }>([
    { title: 'hd is missing', claims: { hd: undefined } },
    {
      title: 'hd is missing and the address is there',
      claims: { hd: undefined, email: 'a@allowed.com' },
    },
    {
      title: 'hd is another domain, the address is there',
      claims: { hd: 'evil.com', email: 'a@allowed.com' },
    },
    { title: 'hd is dressed as an address', claims: { hd: 'evil.com@allowed.com' } },
    {
      title: 'the address has two domains',
      claims: { hd: undefined, email: 'a@evil.com@allowed.com' },
    },
    { title: 'hd is a sub-domain', claims: { hd: 'sub.allowed.com' } },
    { title: 'hd only begins like it', claims: { hd: 'allowed.com.evil.com' } },
    { title: 'hd only ends like it', claims: { hd: 'notallowed.com' } },
    { title: 'hd is a list', claims: { hd: ['allowed.com'] } },
    { title: 'hd is empty', claims: { hd: '' } },
  ])('keep out whose $title', async ({ claims }) => {
    const all = await world(options);
    const response = await all.signIn(await all.google.idToken(claims));
    expect(await refusalIn(response)).toEqual({ status: 403, code: 'LOGIN_DENIED' });
    expect(await all.users()).toEqual([]);
  });
});

describe('C12 an address that Google calls verified', () => {
  it.each<{ title: string; claims: Claims }>([
    { title: 'of a Workspace', claims: { email: 'ada@allowed.com' } },
    { title: 'at gmail.com', claims: { email: 'ada@gmail.com', hd: undefined } },
  ])('$title, where Google has the mailbox, joins the account with it', async ({ claims }) => {
    const { app, google, signIn, users } = await world();
    const email = String(claims['email']);
    const local = await addUser(app, { username: 'ada', email, emailVerified: true });
    const response = await signIn(await google.idToken(claims));
    expect(response.status).toBe(200);
    expect((await userIn(response, app.origin))['id']).toBe(local.id);
    expect(await users()).toHaveLength(1);
  });

  it.each<{ title: string; claims: Claims }>([
    { title: 'elsewhere', claims: { email: 'ada@allowed.com', hd: undefined } },
    { title: 'that ends like gmail.com', claims: { email: 'ada@notgmail.com', hd: undefined } },
    { title: 'that begins so', claims: { email: 'ada@gmail.com.evil.example', hd: undefined } },
  ])('$title neither joins nor makes an account', async ({ claims }) => {
    const { app, google, signIn, users } = await world();
    const email = String(claims['email']);
    await addUser(app, { username: 'ada', email, emailVerified: true });
    const response = await signIn(await google.idToken(claims));
    expect(await refusalIn(response)).toEqual({ status: 403, code: 'LOGIN_DENIED' });
    expect(await users()).toHaveLength(1);
  });

  it('joins nothing when it is not verified', async () => {
    const { app, google, signIn } = await world();
    const local = await addUser(app, {
      username: 'ada',
      email: 'ada@allowed.com',
      emailVerified: true,
    });
    const response = await signIn(await google.idToken({ email_verified: false }));
    expect(response.status).toBe(200);
    const user = await userIn(response, app.origin);
    expect(user['id']).not.toBe(local.id);
    expect(user).not.toHaveProperty('email');
  });
});

describe('C13 One Tap, which posts a form from another site', () => {
  it('signs in by cookie and leads home when cookie and field agree', async () => {
    const { google, postForm } = await world();
    const form = { credential: await google.idToken(), g_csrf_token: 'double', select_by: 'user' };
    const response = await postForm(form, { cookie: 'other=1; g_csrf_token=double' });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('set-cookie')).toMatch(
      /^latchkey-session=.+Path=\/; HttpOnly; SameSite=Lax/,
    );
    expect(await response.text()).toBe('');
  });

  it.each<{ title: string; field: string | undefined; cookie: string | undefined; status: number }>(
    [
      { title: 'neither', field: undefined, cookie: undefined, status: 400 },
      { title: 'only the cookie', field: undefined, cookie: 'g_csrf_token=double', status: 400 },
      { title: 'only the field', field: 'double', cookie: undefined, status: 403 },
      { title: 'another field', field: 'single', cookie: 'g_csrf_token=double', status: 403 },
      { title: 'a longer field', field: 'doubled', cookie: 'g_csrf_token=double', status: 403 },
      { title: 'both empty', field: '', cookie: 'g_csrf_token=', status: 403 },
      {
        title: 'a cookie that ends like it',
        field: 'double',
        cookie: 'xg_csrf_token=double',
        status: 403,
      },
      {
        title: 'the field as a cookie value',
        field: 'double',
        cookie: 'a=g_csrf_token=double',
        status: 403,
      },
    ],
  )('$title of cookie and field signs nobody in', async ({ field, cookie, status }) => {
    const { google, postForm, users } = await world();
    const form = {
      credential: await google.idToken(),
      ...(field !== undefined && { g_csrf_token: field }),
    };
    const response = await postForm(form, cookie === undefined ? {} : { cookie });
    expect(await refusalIn(response)).toEqual({
      status,
      code: status === 400 ? 'INVALID_REQUEST' : 'CROSS_SITE_REQUEST',
    });
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(await users()).toEqual([]);
    expect(google.fetches).toBe(0);
  });

  it.each([
    'https://evil.example',
    'http://accounts.google.com',
    'https://accounts.google.com.evil.example',
    'http://sub.localhost',
    'null',
  ])('a form of %s signs nobody in, cookie and field or not', async (origin) => {
    const { google, postForm, users } = await world();
    const form = { credential: await google.idToken(), g_csrf_token: 'double' };
    const response = await postForm(form, { cookie: 'g_csrf_token=double', origin });
    expect(await refusalIn(response)).toEqual({ status: 403, code: 'CROSS_SITE_REQUEST' });
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(await users()).toEqual([]);
  });

  it('a form of our own page whose Referrer-Policy hides its origin is taken', async () => {
    const { google, postForm } = await world();
    const form = { credential: await google.idToken(), g_csrf_token: 'd' };
    for (const site of ['cross-site', 'same-origin']) {
      const headers = { cookie: 'g_csrf_token=d', origin: 'null', 'sec-fetch-site': site };
      expect((await postForm(form, headers)).status).toBe(site === 'cross-site' ? 403 : 303);
    }
  });

  it("a form of our own page's, or without an Origin, is taken", async () => {
    const { app, google, postForm } = await world();
    for (const origin of [app.origin, null]) {
      const form = { credential: await google.idToken({ jti: origin }), g_csrf_token: 'd' };
      const response = await postForm(form, { cookie: 'g_csrf_token=d', origin });
      expect(response.status).toBe(303);
    }
  });

  it('a browser sees the reason as a page', async () => {
    const { app } = await world();
    const page = await createHttpBrowser().open(`${app.origin}/api/auth/google`, {
      form: { credential: 'a.b.c', g_csrf_token: 'double' },
      from: 'https://accounts.google.com',
      headers: { cookie: 'g_csrf_token=double' },
    });
    expect(page.status).toBe(401);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
  });

  it.each([
    { title: 'JSON', type: 'application/json' },
    { title: 'text that is JSON', type: 'text/plain' },
    { title: 'a form with files', type: 'multipart/form-data; boundary=x' },
  ])('$title from another site signs nobody in', async ({ type }) => {
    const { google, post, users } = await world();
    for (const headers of [
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
      { 'sec-fetch-site': 'same-site', origin: 'http://sub.localhost' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]) {
      const body = { id_token: await google.idToken() };
      const response = await post(body, { 'content-type': type, ...headers });
      expect(await refusalIn(response)).toEqual({ status: 403, code: 'CROSS_SITE_REQUEST' });
    }
    expect(await users()).toEqual([]);
  });
});

describe('L9 a session that the browser had before', () => {
  /** Mallory's session, in the cookie of the browser that signs in. */
  async function planted() {
    const all = await world();
    const { id } = await addUser(all.app, { username: 'mallory' });
    const login = await fetch(`${all.app.origin}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'mallory', password: PASSWORD, delivery: 'cookie' }),
    });
    const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    expect(await all.app.auth.sessions.list(id)).toHaveLength(1);
    return { ...all, cookie, mallory: () => all.app.auth.sessions.list(id) };
  }

  /** Those for the whole site: where cookies have no prefix, those for parts of it are removed as well. */
  const cookiesIn = ({ headers }: Response): readonly string[] =>
    headers.getSetCookie().filter((line) => /^latchkey-session=.*; Path=\/;/.test(line));

  it('a former session ends when Google’s form signs in, and another one takes its place', async () => {
    const { google, postForm, cookie, mallory } = await planted();
    const form = { credential: await google.idToken(), g_csrf_token: 'double' };
    const response = await postForm(form, { cookie: `${cookie}; g_csrf_token=double` });
    expect(response.status).toBe(303);
    expect(await mallory()).toEqual([]);
    expect(cookiesIn(response)).toEqual([expect.not.stringContaining(cookie)]);
  });

  it.each(['cookie', 'body'])(
    'a former session ends when a page signs in with Google, delivery %s',
    async (delivery) => {
      const { google, post, cookie, mallory } = await planted();
      const body = { id_token: await google.idToken(), delivery };
      const response = await post(body, { cookie, 'sec-fetch-site': 'same-origin' });
      expect(response.status).toBe(200);
      expect(await mallory()).toEqual([]);
      const value =
        delivery === 'cookie' ? /^latchkey-session=r1\./ : /^latchkey-session=; Max-Age=0/;
      expect(cookiesIn(response)).toEqual([expect.stringMatching(value)]);
    },
  );

  it('a former session stays when the sign-in with Google fails', async () => {
    const { google, post, postForm, cookie, mallory } = await planted();
    const token = await google.forgedIdToken('unknown');
    const form = { credential: token, g_csrf_token: 'double' };
    expect((await post({ id_token: token }, { cookie, 'x-csrf': '1' })).status).toBe(401);
    await postForm(form, { cookie: `${cookie}; g_csrf_token=double` });
    expect(await mallory()).toHaveLength(1);
  });
});

describe("when Google's keys cannot be had", () => {
  it('nobody is refused: 503 with a time to come back, and then the same token is good', async () => {
    const { clock, google, signIn } = await world();
    google.isDown = true;
    const token = await google.idToken();
    const response = await signIn(token);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refusalIn(response)).toEqual({ status: 503, code: 'KEYS_UNAVAILABLE' });
    google.isDown = false;
    clock.advance(10);
    expect((await signIn(token)).status).toBe(200);
  });

  it('known keys go on serving', async () => {
    const { clock, google, signIn } = await world();
    expect((await signIn(await google.idToken())).status).toBe(200);
    google.isDown = true;
    clock.advance(3600);
    expect((await signIn(await google.idToken())).status).toBe(200);
  });
});

describe('what stays closed', () => {
  it('the route is not there without AUTH_GOOGLE_CLIENT_ID', async () => {
    const { google, post, postForm } = await world({ google: {} });
    const token = await google.idToken();
    expect(await refusalIn(await post({ id_token: token }))).toEqual({
      status: 404,
      code: 'NOT_FOUND',
    });
    const form = { credential: token, g_csrf_token: 'double' };
    const response = await postForm(form, { cookie: 'g_csrf_token=double' });
    expect(response.status).toBe(404);
    expect(google.fetches).toBe(0);
  });

  it('a GET is no sign-in', async () => {
    const { app } = await world();
    const response = await fetch(`${app.origin}/api/auth/google?credential=a`);
    expect(await refusalIn(response)).toEqual({ status: 405, code: 'METHOD_NOT_ALLOWED' });
    expect(response.headers.get('allow')).toBe('POST');
  });

  it('an ID token is no access token', async () => {
    const { app, google } = await world();
    const headers = { authorization: `Bearer ${await google.idToken()}` };
    expect((await fetch(`${app.origin}/api/me`, { headers })).status).toBe(401);
  });

  it('no event holds a token', async () => {
    const { app, google, signIn } = await world();
    const token = await google.idToken();
    await signIn(token);
    await signIn(token);
    const told = JSON.stringify(app.events);
    expect(app.events.map(({ name }) => name)).toContain('login.failed');
    for (const part of token.split('.')) expect(told).not.toContain(part);
  });
});
