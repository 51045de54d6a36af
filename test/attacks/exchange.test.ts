import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { addUser, PASSWORD } from '../world/auth-server.js';
import { createHttpBrowser, type HttpBrowser, type Page } from '../world/http-browser.js';
import {
  eventsNamed,
  expectNoSecrets,
  HOST,
  type HostileLogin,
  hostileLogin,
  isSignedIn,
  sessionCookieOf,
} from '../world/hostile-login.js';

/** A log-in that ended at a page with a one-time code. */
interface Coded {
  readonly app: HostileLogin;
  readonly browser: HttpBrowser;
  readonly code: string;
  readonly page: Page;
}

async function coded(app: HostileLogin, query = ''): Promise<Coded> {
  const { page, browser } = await app.signIn(`&mode=code${query}`);
  const { pathname, searchParams } = new URL(page.url);
  expect({ pathname, names: [...searchParams.keys()] }).toEqual({
    pathname: '/inside',
    names: ['auth_code'],
  });
  const code = searchParams.get('auth_code') ?? '';
  expect(code).toMatch(/^[\w-]{43}$/);
  expect(sessionCookieOf(browser)).toBeUndefined();
  expect(eventsNamed(app, 'login.succeeded')).toEqual([]);
  return { app, browser, code, page };
}

async function world(): Promise<Coded> {
  return coded(await hostileLogin());
}

function redeem(
  { app, code }: Pick<Coded, 'app' | 'code'>,
  browser: HttpBrowser,
  verifier?: string,
): Promise<Page> {
  return browser.fetch(`${app.origin}/api/auth/exchange`, {
    json: { code, ...(verifier !== undefined && { code_verifier: verifier }) },
  });
}

function tokensOf({ status, body }: Page): { access_token: string; refresh_token: string } {
  expect({ status, body }).toMatchObject({ status: 200 });
  const tokens = JSON.parse(body) as { access_token: string; refresh_token: string };
  expect(tokens).toMatchObject({ token_type: 'Bearer', refresh_token: expect.any(String) });
  return tokens;
}

/** Nothing is handed over, operators hear of it, and the code stands nowhere. */
function expectRefused({ app, code }: Pick<Coded, 'app' | 'code'>, page: Page): void {
  expect({ status: page.status, body: page.body }).toMatchObject({ status: 401 });
  expect(JSON.parse(page.body)).toMatchObject({ code: 'LOGIN_FAILED' });
  expect(page.headers['content-type']).toContain('application/problem+json');
  expect(page.headers['cache-control']).toBe('no-store');
  expect(eventsNamed(app, 'login.failed').at(-1)).toMatchObject({
    reason: expect.stringMatching(/^[a-z]+(?:_[a-z]+)*$/),
  });
  expectNoSecrets(app, JSON.stringify(app.events) + page.body, [code]);
}

/** What a browser has that the code came to. */
function bindingOf(browser: HttpBrowser): readonly [name: string, value: string] {
  const [first] = [...browser.cookies(HOST)].filter(([name]) => name.includes('-exchange-'));
  if (!first) throw new Error('the browser has no cookie for a code');
  return first;
}

function verifierAndChallenge() {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  return { verifier, query: `&code_challenge_method=S256&code_challenge=${challenge}` };
}

async function refreshStatus({ origin }: HostileLogin, refreshToken: string): Promise<number> {
  const url = `${origin}/api/auth/refresh`;
  const json = { refresh_token: refreshToken };
  return (await createHttpBrowser().fetch(url, { json })).status;
}

it('a user who was disabled since the callback gets nothing for the code, also when no session is revoked', async () => {
  const { app, browser, code } = await world();
  const [user] = await app.auth.users.list({ limit: 1 });
  const { id = '' } = user ?? {};
  await app.auth.users.update(id, { disabled: true });
  const page = await redeem({ app, code }, browser);
  expect(page.status).toBe(403);
  expect(JSON.parse(page.body)).toMatchObject({ code: 'LOGIN_DENIED' });
  expect(sessionCookieOf(browser)).toBeUndefined();
  await app.auth.users.update(id, { disabled: false });
  expect(await app.auth.sessions.list(id)).toEqual([]);
  expect(eventsNamed(app, 'login.succeeded')).toEqual([]);
  expect(eventsNamed(app, 'login.failed')).toMatchObject([{ reason: 'user_gone', userId: id }]);
});

it('L9 a session that the browser had before ends when a code is redeemed there', async () => {
  const { app, browser, code } = await world();
  const { id } = await addUser(app, { username: 'mallory' });
  const login = await browser.fetch(`${app.origin}/api/auth/login`, {
    json: { username: 'mallory', password: PASSWORD, delivery: 'cookie' },
  });
  expect(login.status).toBe(200);
  tokensOf(await redeem({ app, code }, browser));
  expect(await app.auth.sessions.list(id)).toEqual([]);
  expect(sessionCookieOf(browser)).toBeUndefined();
});

describe('X1 one-time codes', () => {
  it('a code is good once', async () => {
    const { app, browser, code } = await world();
    const { access_token } = tokensOf(await redeem({ app, code }, browser));
    const me = await browser.fetch(`${app.origin}/api/me`, {
      headers: { authorization: `Bearer ${access_token}` },
    });
    expect(me.status).toBe(200);
    expect(eventsNamed(app, 'login.succeeded')).toMatchObject([{ provider: 'corp' }]);
    expectRefused({ app, code }, await redeem({ app, code }, browser));
    expect(eventsNamed(app, 'login.failed')).toHaveLength(1);
  });

  it('of twenty requests at once one gets the tokens, and keeps them', async () => {
    const { app, browser, code } = await world();
    const pages = await Promise.all(
      Array.from({ length: 20 }, () => redeem({ app, code }, browser)),
    );
    const [winner, ...others] = pages.toSorted((a, b) => a.status - b.status);
    if (!winner) throw new Error('nobody has answered');
    const { refresh_token: token } = tokensOf(winner);
    expect(others).toHaveLength(19);
    for (const other of others) expectRefused({ app, code }, other);
    expect(eventsNamed(app, 'login.succeeded')).toHaveLength(1);
    expect(eventsNamed(app, 'login.failed')).toHaveLength(19);
    expect(await refreshStatus(app, token)).toBe(200);
  });

  it('a code is good for a minute', async () => {
    const app = await hostileLogin();
    const [soon, late] = [await coded(app), await coded(app)];
    app.advance(55);
    tokensOf(await redeem(soon, soon.browser));
    app.advance(6);
    expectRefused(late, await redeem(late, late.browser));
    expect(eventsNamed(app, 'login.failed')).toHaveLength(1);
  });

  it.each<{ title: string; prepare: (thief: HttpBrowser, app: HostileLogin) => unknown }>([
    { title: 'that has nothing', prepare: () => undefined },
    {
      title: 'that has a code of its own',
      async prepare(thief, app) {
        await app.signIn('&mode=code', { browser: thief });
      },
    },
    {
      title: 'that is signed in',
      async prepare(thief, app) {
        await app.signIn('', { browser: thief });
        app.events.length = 0;
      },
    },
  ])('another browser, $title, gets nothing and takes nothing away', async ({ prepare }) => {
    const { app, browser, code } = await world();
    const thief = createHttpBrowser();
    await prepare(thief, app);
    for (const verifier of [undefined, randomBytes(32).toString('base64url')])
      expectRefused({ app, code }, await redeem({ app, code }, thief, verifier));
    expect(eventsNamed(app, 'login.failed')).toHaveLength(2);
    expect(eventsNamed(app, 'login.succeeded')).toEqual([]);
    tokensOf(await redeem({ app, code }, browser));
  });

  it("the cookie of another's code does not fit", async () => {
    const { app, browser, code } = await world();
    const other = await coded(app);
    const [name] = bindingOf(browser);
    const [, value] = bindingOf(other.browser);
    const thief = createHttpBrowser();
    thief.setCookie(HOST, name, value);
    expectRefused({ app, code }, await redeem({ app, code }, thief));
    tokensOf(await redeem({ app, code }, browser));
  });

  it("an attacker's code on the victim's page signs nobody in", async () => {
    const attack = await world();
    const { app } = attack;
    const victim = createHttpBrowser();
    expectRefused(attack, await redeem(attack, victim));
    const { verifier, query } = verifierAndChallenge();
    const own = await coded(app, query);
    expectRefused(attack, await redeem(attack, own.browser, verifier));
    expect(eventsNamed(app, 'login.succeeded')).toEqual([]);
    expect(await isSignedIn(app.origin, victim)).toBe(false);
    tokensOf(await redeem(own, own.browser, verifier));
  });

  it('a code without a form is refused as such', async () => {
    const { app, browser, code } = await world();
    const url = `${app.origin}/api/auth/exchange`;
    for (const json of [
      {},
      { code: '' },
      { code: [code] },
      { code: 7 },
      { code: { $ne: null } },
      { code, code_verifier: '' },
      { code, code_verifier: ['x'.repeat(43)] },
      { code, session: 'chosen-by-somebody-else' },
    ]) {
      const page = await browser.fetch(url, { json });
      expect({ json, status: page.status }).toEqual({ json, status: 400 });
    }
    tokensOf(await redeem({ app, code }, browser));
  });

  it('a page of another site cannot redeem a code', async () => {
    const { app, browser, code } = await world();
    const page = await browser.fetch(`${app.origin}/api/auth/exchange`, {
      json: { code },
      headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    });
    expect({ status: page.status, body: JSON.parse(page.body) as unknown }).toMatchObject({
      status: 403,
      body: { code: 'CROSS_SITE_REQUEST' },
    });
    tokensOf(await redeem({ app, code }, browser));
  });

  it.each(['GET', 'HEAD', 'PUT'])('%s is not a way to redeem a code', async (method) => {
    const { app, browser, code } = await world();
    const url = `${app.origin}/api/auth/exchange?code=${code}&auth_code=${code}`;
    const page = await browser.fetch(url, { method });
    expect(page.status).toBe(405);
    expect(page.headers['allow']).toBe('POST');
    expect(page.body).not.toContain(code);
    tokensOf(await redeem({ app, code }, browser));
  });
});

describe('X1 codes bound to a verifier', () => {
  it('who has the verifier needs no cookie', async () => {
    const { verifier, query } = verifierAndChallenge();
    const { app, code, browser } = await coded(await hostileLogin(), query);
    expect([...browser.cookies(HOST).keys()]).toEqual([]);
    tokensOf(await redeem({ app, code }, createHttpBrowser(), verifier));
    expect(eventsNamed(app, 'login.failed')).toEqual([]);
  });

  it.each<{ title: string; wrong: (query: string) => string | undefined }>([
    { title: 'another verifier', wrong: () => randomBytes(32).toString('base64url') },
    { title: 'the challenge in its place', wrong: (query) => query.slice(-43) },
    { title: 'none', wrong: () => undefined },
  ])('$title is refused and takes nothing away', async ({ wrong }) => {
    const { verifier, query } = verifierAndChallenge();
    const { app, code, browser } = await coded(await hostileLogin(), query);
    expectRefused({ app, code }, await redeem({ app, code }, browser, wrong(query)));
    expect(eventsNamed(app, 'login.failed')).toHaveLength(1);
    tokensOf(await redeem({ app, code }, browser, verifier));
    expectRefused({ app, code }, await redeem({ app, code }, browser, verifier));
  });

  it.each([
    { title: 'one that is too short', query: 'mode=code&code_challenge=abc' },
    {
      title: 'a plain one',
      query: `mode=code&code_challenge=${'x'.repeat(43)}&code_challenge_method=plain`,
    },
    {
      title: 'two',
      query: `mode=code&code_challenge=${'x'.repeat(43)}&code_challenge=${'y'.repeat(43)}`,
    },
    { title: 'one without a code to bind', query: `code_challenge=${'x'.repeat(43)}` },
  ])('a challenge is refused that is $title', async ({ query }) => {
    const app = await hostileLogin();
    const browser = createHttpBrowser();
    const page = await app.open(browser, `${app.origin}/api/auth/login/corp?${query}`);
    expect({ status: page.status, body: JSON.parse(page.body) as unknown }).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST' },
    });
  });
});

describe('X1 one-time codes, replayed late', () => {
  it.each([
    { title: 'by its cookie', bound: false },
    { title: 'by its verifier', bound: true },
  ])(
    'a code that turns up again, proven $title, ends the session that came of it',
    async ({ bound }) => {
      const { verifier, query } = verifierAndChallenge();
      const given = bound ? verifier : undefined;
      const { app, browser, code } = await coded(await hostileLogin(), bound ? query : '');
      const binding = bound ? undefined : bindingOf(browser);
      const { refresh_token: token } = tokensOf(await redeem({ app, code }, browser, given));
      app.advance(30);
      const copy = createHttpBrowser();
      if (binding) copy.setCookie(HOST, ...binding);
      expectRefused({ app, code }, await redeem({ app, code }, copy, given));
      expect(eventsNamed(app, 'session.revoked')).toMatchObject([{ reason: 'code_reused' }]);
      expect(await refreshStatus(app, token)).toBe(401);
    },
  );

  it('a code that turns up late ends its session, although a repetition soon after the first use was forgiven', async () => {
    const { app, browser, code } = await world();
    const [name, value] = bindingOf(browser);
    const { refresh_token: token } = tokensOf(await redeem({ app, code }, browser));
    for (const seconds of [1, 30]) {
      app.advance(seconds);
      browser.setCookie(HOST, name, value);
      expectRefused({ app, code }, await redeem({ app, code }, browser));
    }
    expect(await refreshStatus(app, token)).toBe(401);
  });

  it('ends the session also when its token has been renewed meanwhile', async () => {
    const { app, browser, code } = await world();
    const [name, value] = bindingOf(browser);
    const { refresh_token: first } = tokensOf(await redeem({ app, code }, browser));
    const url = `${app.origin}/api/auth/refresh`;
    const { refresh_token: second } = tokensOf(
      await createHttpBrowser().fetch(url, { json: { refresh_token: first } }),
    );
    app.advance(90);
    browser.setCookie(HOST, name, value);
    expectRefused({ app, code }, await redeem({ app, code }, browser));
    expect(await refreshStatus(app, second)).toBe(401);
  });

  it('a clumsy page that asks twice keeps its session', async () => {
    const { app, browser, code } = await world();
    const [name, value] = bindingOf(browser);
    const { refresh_token: token } = tokensOf(await redeem({ app, code }, browser));
    app.advance(2);
    browser.setCookie(HOST, name, value);
    expectRefused({ app, code }, await redeem({ app, code }, browser));
    expect(eventsNamed(app, 'session.revoked')).toEqual([]);
    expect(await refreshStatus(app, token)).toBe(200);
  });

  it('who cannot prove the code ends nothing', async () => {
    const { app, browser, code } = await world();
    const { refresh_token: token } = tokensOf(await redeem({ app, code }, browser));
    app.advance(30);
    const stranger = createHttpBrowser();
    for (const verifier of [undefined, randomBytes(32).toString('base64url')])
      expectRefused({ app, code }, await redeem({ app, code }, stranger, verifier));
    expect(eventsNamed(app, 'session.revoked')).toEqual([]);
    expect(await refreshStatus(app, token)).toBe(200);
  });
});

describe('addresses on the way through a log-in', () => {
  /** As everybody on the way may log them: of the provider's request, and of our own pages. */
  async function addresses(query: string) {
    const app = await hostileLogin();
    const { authorization, browser, agree } = await app.begin(query);
    const callback = await agree();
    const page = await app.open(browser, callback);
    const [first, ...ours] = page.visited;
    expect(first).toBe(callback.href);
    // These two hold the state, and the latter a code, which count for nothing in another browser.
    const text = [authorization.href, callback.href, ...ours].join('\n');
    expectNoSecrets({ secrets: new Set([app.corp.clientSecret]) }, text.replace(/code-[\w-]+/, ''));
    for (const [, cookie] of browser.cookies(HOST)) expect(text).not.toContain(cookie);
    expectNoSecrets(app, ours.join('\n'));
    return { app, browser, ours, text };
  }

  it('hold nothing of a session in a cookie', async () => {
    const { app, browser, ours } = await addresses('&mode=cookie');
    expect(sessionCookieOf(browser)).toBeDefined();
    expect(ours).toEqual([`${app.origin}/inside`]);
  });

  it('hold a one-time code and none of the tokens that it is exchanged for', async () => {
    const { app, browser, ours, text } = await addresses('&mode=code');
    const code = new URL(ours[0] ?? '').searchParams.get('auth_code') ?? '';
    expect(ours).toEqual([`${app.origin}/inside?auth_code=${code}`]);
    const { access_token, refresh_token } = tokensOf(await redeem({ app, code }, browser));
    for (const token of [access_token, refresh_token]) expect(text).not.toContain(token);
  });
});
