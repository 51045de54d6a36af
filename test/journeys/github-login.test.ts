import { type AuthOptions } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { addUser } from '../world/auth-server.js';
import { type GithubServer, startGithubServer } from '../world/github-server.js';
import { createHttpBrowser, type HttpBrowser, type Page } from '../world/http-browser.js';
import { reservePort, serveLoginApp } from '../world/login-app.js';
import { AS_SCRIPT, refusalOn, userOf } from '../world/signed-in.js';

const GITHUB = 'https://github.com';
const ISSUER = 'https://github.com/login/oauth';

/** An application whose users sign in with GitHub, and a browser. */
async function world(options: (github: GithubServer) => AuthOptions = () => ({})) {
  const port = await reservePort();
  const github = await startGithubServer();
  const { clientId, clientSecret, fetch } = github;
  const app = serveLoginApp(port, {
    github: { clientId, clientSecret },
    providerFetch: fetch,
    ...options(github),
  });
  const { origin } = app;

  async function begin(browser: HttpBrowser, headers: Record<string, string> = {}): Promise<URL> {
    const { url } = await browser.open(`${origin}/api/auth/login/github?returnTo=/inside`, {
      headers,
      until: (place) => place.origin === GITHUB,
    });
    return new URL(url);
  }

  const comeBack = (browser: HttpBrowser, callback: string): Promise<Page> =>
    browser.open(callback, { from: GITHUB, headers: AS_SCRIPT });

  async function signIn(browser: HttpBrowser): Promise<Page> {
    return comeBack(browser, github.authorize((await begin(browser)).href));
  }

  const browser = createHttpBrowser();
  return { app, origin, github, browser, begin, comeBack, signIn };
}

type World = Awaited<ReturnType<typeof world>>;

/** Signs in with a browser of its own and answers the user. */
async function visit({ signIn, origin }: World) {
  const browser = createHttpBrowser();
  await signIn(browser);
  return userOf(browser, origin);
}

describe('signing in with GitHub', () => {
  it('ends where it began, with an account of the primary, verified address', async () => {
    const { app, origin, browser, signIn } = await world();
    const page = await signIn(browser);
    expect(page.url).toBe(`${origin}/inside`);
    expect(page.status).toBe(200);
    expect(await userOf(browser, origin)).toMatchObject({
      username: 'octocat',
      email: 'octocat@github.com',
      roles: [],
    });
    expect(app.events.map(({ name, event }) => ({ name, event }))).toMatchObject([
      { name: 'identity.linked', event: { provider: 'github', by: 'new' } },
      { name: 'login.succeeded', event: { provider: 'github' } },
    ]);
  });

  it('asks for identity and addresses only, with state and PKCE, and for our own callback', async () => {
    const { github, origin, browser, begin } = await world();
    const url = await begin(browser);
    expect(`${url.origin}${url.pathname}`).toBe(`${GITHUB}/login/oauth/authorize`);
    const { state, code_challenge: challenge, ...rest } = Object.fromEntries(url.searchParams);
    expect(rest).toEqual({
      client_id: github.clientId,
      response_type: 'code',
      redirect_uri: `${origin}/api/auth/callback/github`,
      scope: 'read:user user:email',
      code_challenge_method: 'S256',
    });
    expect(challenge).toMatch(/^[\w-]{43}$/);
    expect(state).toMatch(/^[\w-]{43}$/);
  });

  it.each([
    { title: 'Host', headers: { host: 'evil.example' } },
    { title: 'X-Forwarded-Host', headers: { 'x-forwarded-host': 'evil.example' } },
    { title: 'X-Forwarded-Proto', headers: { 'x-forwarded-proto': 'javascript' } },
  ])('$title has no say in where GitHub sends the browser', async ({ headers }) => {
    const { origin, browser, begin } = await world();
    const url = await begin(browser, headers);
    expect(url.searchParams.get('redirect_uri')).toBe(`${origin}/api/auth/callback/github`);
  });

  it('says that GitHub is there, to pages that make their own buttons', async () => {
    const { origin, browser } = await world();
    const { body } = await browser.fetch(`${origin}/api/auth/providers`);
    expect(JSON.parse(body)).toMatchObject({
      providers: [{ name: 'github', label: 'GitHub', login_url: '/api/auth/login/github' }],
    });
  });
});

describe('who somebody at GitHub is', () => {
  it('tells the numeric id: a new name there is the same user here', async () => {
    const all = await world();
    const before = await visit(all);
    all.github.user = { ...all.github.user, login: 'monalisa', email: 'other@github.com' };
    const after = await visit(all);
    expect(after?.id).toBe(before?.id);
    expect(await all.app.auth.users.list({ limit: 10 })).toHaveLength(1);
  });

  it('a name that somebody else has taken over leads to an account of its own', async () => {
    const all = await world();
    const first = await visit(all);
    all.github.user = { ...all.github.user, id: 7_777_777 };
    all.github.emails = [];
    const second = await visit(all);
    expect(second?.id).not.toBe(first?.id);
    expect(second?.username).toMatch(/^github-[\da-f]{12}$/);
  });

  it('a user name that is taken here is replaced by another one, each time the same', async () => {
    const all = await world();
    const local = await addUser(all.app, { username: 'octocat' });
    const user = await visit(all);
    expect(user?.id).not.toBe(local.id);
    expect(user?.username).toMatch(/^github-[\da-f]{12}$/);
    expect(await visit(all)).toEqual(user);
  });

  it.each([
    { title: 'unverified', primary: { primary: true, verified: false } },
    { title: 'verified but not primary', primary: { primary: false, verified: true } },
  ])('an address that is $title is not taken', async ({ primary }) => {
    const all = await world();
    all.github.emails = [
      { email: 'octocat@github.com', visibility: 'public', ...primary },
      { email: 'second@github.com', primary: false, verified: true, visibility: null },
    ];
    all.github.user = { ...all.github.user, email: 'octocat@github.com' };
    const user = await visit(all);
    expect(user).toMatchObject({ username: 'octocat' });
    expect(user).not.toHaveProperty('email');
  });

  it('an address that GitHub calls verified joins nobody here, and makes no second account', async () => {
    const { app, origin, browser, signIn } = await world();
    await addUser(app, { username: 'alice', email: 'octocat@github.com', emailVerified: true });
    expect(refusalOn(await signIn(browser))).toEqual({ status: 403, code: 'LOGIN_DENIED' });
    expect(await userOf(browser, origin)).toBeUndefined();
    expect(await app.auth.users.list({ limit: 10 })).toHaveLength(1);
  });

  it.each([{ id: '583231' }, { id: 1.5 }, { id: null }, { id: 2 ** 53 }])(
    'an id like $id is none',
    async (odd) => {
      const { github, origin, browser, signIn } = await world();
      github.user = Object.assign({}, github.user, odd);
      expect(refusalOn(await signIn(browser))).toEqual({ status: 401, code: 'LOGIN_FAILED' });
      expect(await userOf(browser, origin)).toBeUndefined();
    },
  );
});

describe("GitHub's answer", () => {
  it.each([
    { title: 'a wrong code', change: { code: '0123456789abcdef0123' } },
    { title: 'no code', change: { code: '' } },
  ])('$title signs nobody in', async ({ change }) => {
    const { github, origin, browser, begin, comeBack } = await world();
    const callback = new URL(github.authorize((await begin(browser)).href));
    callback.searchParams.set('code', change.code);
    const page = await comeBack(browser, callback.href);
    expect(refusalOn(page)).toEqual({ status: 401, code: 'LOGIN_FAILED' });
    expect(page.headers['cache-control']).toBe('no-store');
    expect(await userOf(browser, origin)).toBeUndefined();
    expect(github.requests('/user')).toBe(0);
  });

  it('a code that somebody else was given fails by PKCE in this log-in', async () => {
    const { github, origin, browser, begin, comeBack } = await world();
    const theirs = new URL(github.authorize((await begin(createHttpBrowser())).href));
    const ours = new URL(github.authorize((await begin(browser)).href));
    ours.searchParams.set('code', theirs.searchParams.get('code') ?? '');
    const page = await comeBack(browser, ours.href);
    expect(refusalOn(page)).toEqual({ status: 401, code: 'LOGIN_FAILED' });
    expect(await userOf(browser, origin)).toBeUndefined();
    expect(github.requests('/login/oauth/access_token')).toBe(1);
    expect(github.requests('/user')).toBe(0);
  });

  it.each([
    { title: 'without state', spoil: (url: URL) => url.searchParams.delete('state') },
    { title: 'with another state', spoil: (url: URL) => url.searchParams.set('state', 'mine') },
    { title: 'with two states', spoil: (url: URL) => url.searchParams.append('state', 'mine') },
  ])('$title costs GitHub no request', async ({ spoil }) => {
    const { github, origin, browser, begin, comeBack } = await world();
    const callback = new URL(github.authorize((await begin(browser)).href));
    spoil(callback);
    const page = await comeBack(browser, callback.href);
    expect(refusalOn(page)).toEqual({ status: 400, code: 'INVALID_REQUEST' });
    expect(await userOf(browser, origin)).toBeUndefined();
    expect(github.requests('/login/oauth/access_token')).toBe(0);
  });

  it("somebody else's answer signs nobody in, in whatever browser it is opened", async () => {
    const { github, origin, browser, begin, comeBack } = await world();
    const attacker = createHttpBrowser();
    const callback = github.authorize((await begin(attacker)).href);
    await begin(browser);
    expect(refusalOn(await comeBack(browser, callback))).toEqual({
      status: 400,
      code: 'INVALID_REQUEST',
    });
    expect(await userOf(browser, origin)).toBeUndefined();
    expect(github.requests('/login/oauth/access_token')).toBe(0);
  });

  it('is good once: opened again, it leads where it led and asks GitHub nothing', async () => {
    const { github, origin, browser, begin, comeBack } = await world();
    const callback = github.authorize((await begin(browser)).href);
    await comeBack(browser, callback);
    const page = await comeBack(browser, callback);
    expect(page.url).toBe(`${origin}/inside`);
    expect(github.requests('/login/oauth/access_token')).toBe(1);
  });

  // https://github.com/langfuse/langfuse/issues/13091: sent, taken back and sent again in 2026.
  it.each([{ iss: ISSUER }, { iss: undefined }])(
    'signs in with iss=$iss, to the same account each time',
    async ({ iss }) => {
      const all = await world();
      const before = await visit(all);
      all.github.iss = iss;
      const page = await all.signIn(all.browser);
      expect(page.url).toBe(`${all.origin}/inside`);
      expect((await userOf(all.browser, all.origin))?.id).toBe(before?.id);
      const kept = await all.app.auth.store.credentials.listByOwner(before?.id ?? '');
      expect(kept.map(({ data }) => JSON.parse(data) as unknown)).toMatchObject([
        { provider: 'github', issuer: 'https://github.com', subject: '583231' },
      ]);
    },
  );

  it.each([
    { iss: 'https://github.com' },
    { iss: 'https://github.com/login/oauth/' },
    { iss: 'https://evil.example' },
  ])('of iss=$iss is not its own: nobody is signed in', async ({ iss }) => {
    const { github, origin, browser, signIn } = await world();
    github.iss = iss;
    expect(refusalOn(await signIn(browser))).toEqual({ status: 401, code: 'LOGIN_FAILED' });
    expect(await userOf(browser, origin)).toBeUndefined();
    expect(github.requests('/login/oauth/access_token')).toBe(0);
  });

  it.each([{ iss: ISSUER }, { iss: undefined }])(
    'a user who says no is told so, with iss=$iss',
    async ({ iss }) => {
      const { github, origin, browser, begin, comeBack } = await world();
      github.iss = iss;
      const callback = new URL(github.authorize((await begin(browser)).href));
      callback.searchParams.delete('code');
      callback.searchParams.set('error', 'access_denied');
      callback.searchParams.set('error_description', '<script>alert(1)</script>');
      const page = await comeBack(browser, callback.href);
      expect(refusalOn(page)).toEqual({ status: 403, code: 'LOGIN_DENIED' });
      expect(page.body).not.toContain('script');
      expect(await userOf(browser, origin)).toBeUndefined();
    },
  );
});

/** What GitHub's API may answer in its bad hours. */
const FAILURES: readonly { readonly title: string; readonly answer: () => Response }[] = [
  { title: 'answers 500', answer: () => new Response('{}', { status: 500 }) },
  { title: 'answers 503 with a page', answer: () => new Response('<html>', { status: 503 }) },
  { title: 'answers 401', answer: () => new Response('{}', { status: 401 }) },
  {
    title: 'has had too many requests',
    answer: () =>
      Response.json(
        { message: 'API rate limit exceeded for user ID 583231.' },
        { status: 403, headers: { 'x-ratelimit-remaining': '0' } },
      ),
  },
  {
    title: 'has had too many at once',
    answer: () => Response.json({}, { status: 403, headers: { 'retry-after': '60' } }),
  },
  { title: 'answers 403 with a page', answer: () => new Response('<html>', { status: 403 }) },
  { title: 'answers 429', answer: () => new Response('{}', { status: 429 }) },
  { title: 'answers a page', answer: () => new Response('<!doctype html>') },
  { title: 'answers too much', answer: () => new Response(`"${'x'.repeat(1_100_000)}"`) },
  {
    title: 'leads elsewhere',
    answer: () =>
      new Response(null, { status: 302, headers: { location: 'http://169.254.169.254/' } }),
  },
  {
    title: 'cannot be reached',
    answer: () => {
      throw new TypeError('fetch failed');
    },
  },
];

const PATHS = ['/login/oauth/access_token', '/user', '/user/emails'] as const;

describe.each(PATHS)('an outage of %s', (path) => {
  it.each(FAILURES)('that $title is 502, and makes no account and no session', async (failure) => {
    let isDown = true;
    const { app, origin, browser, signIn } = await world((github) => ({
      providerFetch: async (input, init) => {
        const { pathname } = new URL(input instanceof Request ? input.url : input);
        return isDown && pathname === path ? failure.answer() : github.fetch(input, init);
      },
    }));
    expect(refusalOn(await signIn(browser))).toEqual({ status: 502, code: 'PROVIDER_ERROR' });
    expect(await userOf(browser, origin)).toBeUndefined();
    expect(await app.auth.users.list({ limit: 10 })).toEqual([]);
    expect(app.events.map(({ name }) => name)).toEqual(['login.failed']);
    isDown = false;
    expect((await signIn(browser)).url).toBe(`${origin}/inside`);
  });
});
