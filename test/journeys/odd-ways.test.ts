import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import express, { type RequestHandler } from 'express';
import { type AuthOptions, createAuth, principalOf } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { addUser, BASE, PASSWORD } from '../world/auth-server.js';
import { hostileLogin, settingsOf } from '../world/hostile-login.js';
import { startHostileProvider } from '../world/hostile-provider.js';
import { createHttpBrowser, type HttpBrowser, type Page } from '../world/http-browser.js';
import { reservePort } from '../world/login-app.js';

/** W16: pages that people get to by ways that nobody has planned. */
async function world(options: AuthOptions = {}, before: RequestHandler[] = []) {
  const port = await reservePort();
  const corp = await startHostileProvider();
  let aheadMs = 0;
  const auth = createAuth({
    ...BASE,
    publicUrl: port.origin,
    oidc: { corp: settingsOf(corp) },
    now: () => Date.now() + aheadMs,
    ...options,
  });
  const app = express();
  app.use(...before, (_req, _res, next) => next());
  app.use('/api/auth', auth.router());
  const signedIn = auth.requireAuth({ redirect: true });
  app.get('/inside', signedIn, (req, res) => {
    res.send(`hello ${principalOf(req).user.username ?? principalOf(req).user.id}`);
  });
  app.get(
    '/recent',
    signedIn,
    auth.requireAuthContext({ maxAgeSeconds: 60, redirect: true }),
    (_req, res) => void res.send('recent enough'),
  );
  app.get(
    '/strong',
    signedIn,
    auth.requireAuthContext({ acrValues: ['strong'], maxAgeSeconds: 60, redirect: true }),
    (_req, res) => void res.send('strong enough'),
  );
  app.get(
    '/guarded',
    signedIn,
    auth.requireAuthContext({ acrValues: ['strong', 'stronger'], maxAgeSeconds: 60 }),
    (_req, res) => void res.send('guarded'),
  );
  app.use(auth.errorHandler({ html: true }));
  port.serve(app);
  if (!options.store) await addUser({ auth });
  return {
    auth,
    corp,
    origin: port.origin,
    browser: createHttpBrowser(),
    advance: (seconds: number) => void (aheadMs += seconds * 1000),
  };
}

const atProvider = (url: URL): boolean => url.pathname === '/authorize';

async function signInByPassword(browser: HttpBrowser, address: string): Promise<Page> {
  const page = await browser.open(address);
  return browser.submit(page, { username: 'alice', password: PASSWORD });
}

/** Signs in at the provider, as far as the way back. */
async function callbackOf(
  { corp, browser }: Pick<Awaited<ReturnType<typeof world>>, 'corp' | 'browser'>,
  start: string,
): Promise<string> {
  const away = await browser.open(start, { until: atProvider });
  return corp.authorize(away.url);
}

describe('W16 signing in again, more recently', () => {
  it('asks a user for the password who has come by one, though there is a provider', async () => {
    const { browser, origin, advance } = await world();
    expect((await signInByPassword(browser, `${origin}/recent`)).body).toBe('recent enough');
    advance(120);
    const page = await browser.open(`${origin}/recent`, { until: atProvider });
    expect([new URL(page.url).pathname, page.status]).toEqual(['/api/auth/signin', 200]);
    const again = await browser.submit(page, { username: 'alice', password: PASSWORD });
    expect([again.url, again.body]).toEqual([`${origin}/recent`, 'recent enough']);
  });

  it.each([
    { title: 'a password cannot make the sign-in stronger', place: '/strong', options: {} },
    {
      title: 'passwords are off meanwhile',
      place: '/recent',
      options: { passwordLogin: false },
    },
  ])('leads to the provider where $title', async ({ place, options }) => {
    const before = await world();
    const { store } = before.auth;
    await signInByPassword(before.browser, `${before.origin}/inside`);
    const { origin, corp, advance } = await world({ store, ...options });
    advance(120);
    const page = await before.browser.open(`${origin}${place}`, { until: atProvider });
    expect(new URL(page.url).origin).toBe(corp.issuer);
  });

  it('is one click away on the page of a guard that does not redirect', async () => {
    const { browser, origin } = await world();
    const page = await signInByPassword(browser, `${origin}/guarded`);
    expect(page.status).toBe(401);
    const wishes = 'max_age=60&#38;acr_values=strong\\+stronger&#38;returnTo=%2Fguarded';
    expect(page.body).toMatch(new RegExp(`href="/api/auth/login\\?${wishes}"`));
  });

  it('leads a user to the provider of the session, whichever there are beside it', async () => {
    const app = await hostileLogin();
    const { browser } = await app.signIn('', { at: 'other' });
    const page = await browser.open(`${app.origin}/api/auth/login?max_age=60&returnTo=/inside`, {
      until: atProvider,
    });
    expect(new URL(page.url).origin).toBe(app.other.issuer);
  });
});

describe('W16 an answer of the provider', () => {
  it('that arrives twice leads where the log-in was to lead', async () => {
    const all = await world();
    const { browser, origin } = all;
    const callback = await callbackOf(all, `${origin}/api/auth/login/corp?returnTo=/inside?a=1`);
    for (let times = 0; times < 3; times += 1)
      expect((await browser.open(callback)).url).toBe(`${origin}/inside?a=1`);
  });

  it('whose first arrival never came back ends on a page that leads on', async () => {
    const all = await world();
    const { browser, origin } = all;
    const callback = await callbackOf(all, `${origin}/api/auth/login/corp?returnTo=/inside`);
    const cookies = [...browser.cookies('localhost')];
    const lost = createHttpBrowser();
    for (const [name, value] of cookies) lost.setCookie('localhost', name, value);
    await lost.open(callback);
    const page = await browser.open(callback);
    expectWayOn(page, '/inside');
    const again = await callbackOf(all, `${origin}/api/auth/login/corp?returnTo=/inside`);
    expect((await browser.open(again)).url).toBe(`${origin}/inside`);
  });

  it.each([
    { title: 'eleven minutes', seconds: 660, returnTo: '/inside' },
    { title: 'two hours, when nobody knows where it was to lead', seconds: 7200, returnTo: '/' },
  ])('after $title ends on a page that leads on', async ({ seconds, returnTo }) => {
    const all = await world();
    const { browser, origin } = all;
    const callback = await callbackOf(all, `${origin}/api/auth/login/corp?returnTo=/inside`);
    all.advance(seconds);
    expectWayOn(await browser.open(callback), returnTo);
  });

  it('after eleven minutes goes to the page of the application that waits for a code', async () => {
    const all = await world();
    const start = `${all.origin}/api/auth/login/corp?mode=code&returnTo=/inside?a=1`;
    const callback = await callbackOf(all, start);
    all.advance(660);
    const page = await all.browser.open(callback, {
      until: ({ pathname }) => pathname === '/inside',
    });
    expect(page.url).toBe(`${all.origin}/inside?a=1&auth_error=login_failed`);
  });

  function expectWayOn({ status, headers, body }: Page, returnTo: string): void {
    expect(status).toBe(400);
    expect(headers['content-type']).toContain('text/html');
    expect(body).toContain('role="alert"');
    expect(body).toMatch(
      new RegExp(
        `/api/auth/login/corp\\?(?:[^"]*&[^"]*)?returnTo=${encodeURIComponent(returnTo)}"`,
      ),
    );
  }
});

describe('W16 another name of the same server', () => {
  const rewriting: RequestHandler = (req, _res, next) => {
    req.headers.host = 'backend:8080';
    next();
  };

  it.each([
    { title: '127.0.0.1 in place of localhost', before: [], name: '127.0.0.1', moves: 1 },
    { title: 'the right one', before: [], name: 'localhost', moves: 0 },
    {
      title: 'the right one, behind a proxy that rewrites Host',
      before: [rewriting],
      name: 'localhost',
      moves: 1,
    },
    {
      title: 'the right one, behind a proxy that says what Host was',
      before: [rewriting],
      name: 'localhost',
      moves: 0,
      headers: (host: string) => ({ 'x-forwarded-host': `${host}, proxy` }),
    },
  ])(
    'a log-in with a provider that begins at $title ends signed in at AUTH_PUBLIC_URL',
    async ({ before, name, moves, headers }) => {
      const { browser, corp, origin } = await world({}, before);
      const start = origin.replace('localhost', name);
      const away = await browser.open(`${start}/api/auth/login/corp?returnTo=/inside`, {
        until: atProvider,
        ...(headers && { headers: headers(new URL(origin).host) }),
      });
      expect(away.visited.filter((url) => url.includes('moved=1'))).toHaveLength(moves);
      const page = await browser.open(await corp.authorize(away.url));
      expect([page.url, page.status]).toEqual([`${origin}/inside`, 200]);
    },
  );

  it('sends the form of a page there, whose origin nobody knows, to the page where it counts', async () => {
    const { origin } = await world();
    const name = `alias.example:${new URL(origin).port}`;
    const answer = await postForm(`${origin}/api/auth/signin?returnTo=%2Finside`, {
      host: name,
      origin: `http://${name}`,
    });
    expect(answer.status).toBe(303);
    expect(answer.location).toBe(`${origin}/api/auth/signin?returnTo=%2Finside&moved=1`);
    const asScript = { host: name, origin: `http://${name}`, accept: '*/*' };
    expect((await postForm(`${origin}/api/auth/signin`, asScript)).status).toBe(403);
  });

  it('still refuses the form of a foreign page', async () => {
    const { origin } = await world();
    const answer = await postForm(`${origin}/api/auth/signin`, { origin: 'http://evil.example' });
    expect(answer.status).toBe(403);
  });
});

describe('W16 two session cookies that differ', () => {
  const planted = 'latchkey-session=r1.planted.by.a.page';

  it('are both removed by the guard, whatever path they were set for, and the user signs in', async () => {
    const { browser, origin } = await world();
    await signInByPassword(browser, `${origin}/inside`);
    const both = `${planted}; latchkey-session=${browser.cookies('localhost').get('latchkey-session')}`;
    const guarded = await get(`${origin}/inside`, both);
    expect(guarded.status).toBe(303);
    expect(guarded.location).toMatch(/^\/api\/auth\/signin\?/);
    expect(guarded.cleared.toSorted()).toEqual(['/', '/inside']);
    const page = await get(`${origin}${guarded.location}`, both);
    expect(page.status).toBe(200);
    expect(page.cleared.toSorted()).toEqual(
      ['/', '/api', '/api/', '/api/auth', '/api/auth/', '/api/auth/signin'].toSorted(),
    );
  });

  it('end at the sign-in by form: one session is left, and the former one has ended', async () => {
    const { auth, browser, origin } = await world();
    await signInByPassword(browser, `${origin}/inside`);
    const former = browser.cookies('localhost').get('latchkey-session') ?? '';
    const answer = await postForm(`${origin}/api/auth/signin`, {
      origin,
      cookie: `${planted}; latchkey-session=${former}`,
    });
    expect([answer.status, answer.location]).toEqual([303, '/']);
    expect(answer.cookies.filter((line) => /^latchkey-session=r1/.test(line))).toHaveLength(1);
    expect(answer.cleared).toContain('/api/auth');
    expect(answer.cleared).not.toContain('/');
    const user = await auth.users.findByLogin('alice');
    const sessions = await auth.sessions.list(user?.id ?? '');
    expect(sessions).toHaveLength(1);
  });

  it('are an error for scripts, which can say what they want', async () => {
    const { origin } = await world();
    const answer = await get(`${origin}/inside`, `${planted}; latchkey-session=r1.other`, '*/*');
    expect(answer.status).toBe(400);
  });
});

interface Answer {
  readonly status: number;
  readonly location: string;
  readonly cookies: readonly string[];
  /** Paths that a cookie was removed for. */
  readonly cleared: readonly string[];
}

/** A request line and headers as they are written here, as of a browser over plain http. */
function send(
  address: string,
  { method, headers, body }: { method: string; headers: Record<string, string>; body?: string },
): Promise<Answer> {
  const { port, pathname, search } = new URL(address);
  return new Promise((resolve, reject) => {
    const options = { hostname: '127.0.0.1', port, path: `${pathname}${search}`, method, headers };
    const outgoing = request(options, (response) => {
      const { statusCode: status = 0, headers: answered } = response;
      const cookies = answered['set-cookie'] ?? [];
      const cleared = cookies
        .filter((line) => line.includes('Max-Age=0'))
        .map((line) => /Path=([^;]*)/.exec(line)?.[1] ?? '');
      text(response).then(
        () => resolve({ status, location: answered.location ?? '', cookies, cleared }),
        reject,
      );
    });
    outgoing.on('error', reject).end(body);
  });
}

function get(address: string, cookie: string, accept = 'text/html'): Promise<Answer> {
  const { host } = new URL(address);
  return send(address, { method: 'GET', headers: { host, accept, cookie } });
}

function postForm(address: string, headers: Record<string, string>): Promise<Answer> {
  return send(address, {
    method: 'POST',
    headers: {
      host: new URL(address).host,
      accept: 'text/html',
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    body: new URLSearchParams({ username: 'alice', password: PASSWORD }).toString(),
  });
}
