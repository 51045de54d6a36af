import { setTimeout as sleep } from 'node:timers/promises';
import { AuthClientError, createAuthClient, type AuthClientOptions } from 'latchkey/client';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PASSWORD } from '../world/auth-server.js';
import { serve } from '../world/serve.js';
import { type ClientApp, cut, refuse, serveClientApp } from './client-app.js';

afterEach(() => void vi.useRealTimers());

/** Moves the clock of client and server on, as a laptop's sleep does. */
function sleepFor(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 });
}

async function signedIn(app: ClientApp, options: Partial<AuthClientOptions> = {}) {
  await app.addUser('alice');
  const client = createAuthClient({ baseUrl: `${app.origin}/api`, retryForMs: 5000, ...options });
  await client.login({ username: 'alice', password: PASSWORD });
  return client;
}

/** Refuses the first access token that comes, as a server does that has revoked it. */
function refuseFirstToken(): NonNullable<ClientApp['outage']> {
  let first: string | undefined;
  return (req, res) => {
    const { authorization } = req.headers;
    if (!authorization || req.url?.includes('/auth/')) return false;
    if ((first ??= authorization) !== authorization) return false;
    res.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end();
    return true;
  };
}

describe('log-in by password', () => {
  it('calls the API as the user, with an id for each request and the chosen organisation', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    client.org = 'acme';
    const answer = await client.fetch('/me');
    expect(await answer.json()).toMatchObject({
      username: 'alice',
      org: 'acme',
      requestId: expect.stringMatching(/^[\da-f-]{36}$/),
    });
  });

  it('says who is signed in, and tells listeners of log-in and log-out', async () => {
    const app = await serveClientApp();
    await app.addUser('alice');
    const client = createAuthClient({ baseUrl: `${app.origin}/api` });
    const told: boolean[] = [];
    const stop = client.onChange(({ authenticated }) => told.push(authenticated));
    expect(await client.session()).toEqual({ authenticated: false });
    const session = await client.login({ username: 'alice', password: PASSWORD });
    expect(session).toMatchObject({ authenticated: true, user: { username: 'alice' } });
    const { current } = client;
    await client.session();
    expect(client.current).toBe(current);
    await client.logout();
    expect(told).toEqual([false, true, false]);
    stop();
    await client.login({ username: 'alice', password: PASSWORD });
    expect(told).toHaveLength(3);
  });

  it.each([
    { format: 'problem', path: '/login' },
    { format: 'flat', path: '/login' },
    { format: 'nested', path: '/login' },
  ] as const)('says why it was refused, whatever the format: $format', async ({ format }) => {
    const app = await serveClientApp({ format });
    await app.addUser('alice');
    const client = createAuthClient({ baseUrl: `${app.origin}/api` });
    const failure = client.login({ username: 'alice', password: 'not it' });
    await expect(failure).rejects.toMatchObject({ code: 'REFUSED', status: 401 });
    await expect(failure).rejects.toBeInstanceOf(AuthClientError);
    expect(await client.session()).toEqual({ authenticated: false });
  });

  it('tells how long to wait when there were too many tries', async () => {
    const app = await serveClientApp();
    app.outage = refuse('/login', 429, { 'Retry-After': '7' });
    const client = createAuthClient({ baseUrl: `${app.origin}/api` });
    const failure = client.login({ username: 'alice', password: PASSWORD });
    await expect(failure).rejects.toMatchObject({ code: 'REFUSED', status: 429, retryAfter: 7 });
  });

  it('does not pass for a refusal when the server is away', async () => {
    const app = await serveClientApp();
    app.outage = cut('/login');
    const client = createAuthClient({ baseUrl: `${app.origin}/api` });
    const failure = client.login({ username: 'alice', password: PASSWORD });
    await expect(failure).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('sends the password nowhere else when the server is redirected', async () => {
    const seen: string[] = [];
    const elsewhere = await serve((req, res) => {
      seen.push(`${req.method} ${req.url}`);
      res.end();
    });
    const app = await serveClientApp();
    app.outage = refuse('/login', 307, { Location: `${elsewhere.origin}/login` });
    const client = createAuthClient({ baseUrl: `${app.origin}/api` });
    const failure = client.login({ username: 'alice', password: PASSWORD });
    await expect(failure).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(seen).toEqual([]);
  });

  it('ends the session at the server', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    const token = await client.token();
    await client.logout();
    expect(await client.token()).toBeUndefined();
    const headers = { Authorization: `Bearer ${token}` };
    expect((await client.fetch('/me', { headers })).status).toBe(401);
    expect((await client.fetch('/open')).status).toBe(200);
  });

  it('stays when the server could not end it', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app, { retryForMs: 0 });
    app.outage = refuse('/logout', 503);
    await expect(client.logout()).rejects.toMatchObject({ code: 'UNAVAILABLE', status: 503 });
    app.outage = undefined;
    expect(await client.session()).toMatchObject({ authenticated: true });
    await client.logout({ all: true });
    expect(client.current).toEqual({ authenticated: false });
  });
});

describe('log-in at a provider', () => {
  it.each([
    { how: {}, leadsTo: '/api/auth/login?returnTo=%2F' },
    {
      how: { provider: 'google', returnTo: '/reports?year=2026', prompt: 'login' },
      leadsTo: '/api/auth/login/google?returnTo=%2Freports%3Fyear%3D2026&prompt=login',
    },
    {
      how: { provider: '../x', mode: 'code' as const },
      leadsTo: '/api/auth/login/..%2Fx?returnTo=%2F&mode=code',
    },
  ])('leads a page to $leadsTo', ({ how, leadsTo }) => {
    const visited: string[] = [];
    const assign = (url: string) => visited.push(url);
    vi.stubGlobal('location', { href: 'https://app.example.com/start', assign });
    onTestFinished(() => void vi.unstubAllGlobals());
    void createAuthClient({ baseUrl: '/api' }).login(how);
    expect(visited).toEqual([`https://app.example.com${leadsTo}`]);
  });

  it('is refused where there is no page', async () => {
    const client = createAuthClient({ baseUrl: 'https://api.example.com' });
    await expect(client.login({ provider: 'google' })).rejects.toThrow(TypeError);
  });
});

describe('paths', () => {
  it.each([
    'https://evil.example/',
    'HTTPS:evil.example',
    'javascript:alert(1)',
    '//evil.example/',
    '\\\\evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '../admin',
    '/me/../../admin',
    '/%2e%2e/admin',
    'me\n',
    ' \u0000me',
  ])('refuses %j before anything is sent', async (path) => {
    const app = await serveClientApp();
    const client = createAuthClient({ baseUrl: `${app.origin}/api` });
    client.setToken('given.by.platform');
    await expect(client.fetch(path)).rejects.toBeInstanceOf(TypeError);
    expect(app.log).toEqual([]);
  });

  it.each(['/open', 'open', 'open?x=//evil.example', './open', '/me/../open'])(
    'takes %j',
    async (path) => {
      const app = await serveClientApp();
      const client = createAuthClient({ baseUrl: `${app.origin}/api/` });
      expect((await client.fetch(path)).status).toBe(200);
    },
  );

  it.each([
    '/api',
    'api.example.com',
    '',
    'https://api.example.com/?a',
    'https://api.example.com/#a',
  ])('refuses the base %j in Node', (baseUrl) => {
    expect(() => createAuthClient({ baseUrl })).toThrow(TypeError);
  });

  it('gives the token to nobody whom a redirect leads to, and takes no refusal from there', async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await serve((req, res) => {
      seen.push(req.headers.authorization);
      res.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end();
    });
    const app = await serveClientApp();
    const client = await signedIn(app);
    app.outage = refuse('/me', 302, { Location: `${elsewhere.origin}/me` });
    expect((await client.fetch('/me')).status).toBe(401);
    expect(seen).toEqual([undefined]);
    expect(app.count('POST /api/auth/refresh')).toBe(0);
  });
});

describe('refresh', () => {
  it('is one for all requests whose token is refused, and each of them is sent again once', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    // Tokens of one second may be equal.
    sleepFor(2);
    app.outage = refuseFirstToken();
    const answers = await Promise.all(Array.from({ length: 64 }, () => client.fetch('/me')));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 64 }, () => 200));
    expect(app.count('POST /api/auth/refresh')).toBe(1);
    expect(app.count('GET /api/me')).toBe(128);
  });

  it('happens in the background before the token ends, and first when it has ended', async () => {
    const app = await serveClientApp({ jwt: { secret: 'zJ4vQ0mB8sXw2kL6tR1yN5uH9cE3gP7d' } });
    const client = await signedIn(app);
    const first = await client.token();
    sleepFor(14.5 * 60);
    expect((await client.fetch('/me')).status).toBe(200);
    await vi.waitFor(async () => expect(await client.token()).not.toBe(first));
    const second = await client.token();
    sleepFor(3600);
    expect((await client.fetch('/me')).status).toBe(200);
    expect(await client.token()).not.toBe(second);
    expect(app.count('POST /api/auth/refresh')).toBe(2);
    expect(app.count('GET /api/me')).toBe(2);
  });

  it.each([
    { title: 'is down', outage: refuse('/refresh', 503, { 'Retry-After': '0' }) },
    { title: 'is throttled', outage: refuse('/refresh', 429, { 'Retry-After': '0' }) },
    { title: 'is behind a proxy that has lost it', outage: refuse('/refresh', 502) },
    { title: 'cuts connections', outage: cut('/refresh') },
  ])('is tried again while the server $title, and nobody is signed out', async ({ outage }) => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    sleepFor(3600);
    let tries = 0;
    app.outage = (req, res) =>
      req.url === '/api/auth/refresh' && (tries += 1) <= 2 && outage(req, res);
    expect((await client.fetch('/me')).status).toBe(200);
    expect(tries).toBe(3);
    expect(client.current).toMatchObject({ authenticated: true });
  });

  it('that fails for an outage rejects the request, and the next one tries again', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app, { retryForMs: 0 });
    sleepFor(3600);
    app.outage = refuse('/refresh', 503, { 'Retry-After': '9' });
    const failure = client.fetch('/me');
    await expect(failure).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      status: 503,
      retryAfter: 9,
    });
    app.outage = undefined;
    expect((await client.fetch('/me')).status).toBe(200);
  });

  it('waits as long as Retry-After says', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    sleepFor(3600);
    const at: number[] = [];
    app.outage = (req, res) => {
      if (req.url !== '/api/auth/refresh') return false;
      at.push(performance.now());
      return at.length === 1 && refuse('/refresh', 503, { 'Retry-After': '1' })(req, res);
    };
    await client.fetch('/me');
    const [first = 0, second = 0] = at;
    expect(second - first).toBeGreaterThan(990);
  });

  it('that is refused signs out, and the answer of the API stands', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    const told: boolean[] = [];
    client.onChange(({ authenticated }) => told.push(authenticated));
    await app.auth.sessions.revoke({ userId: await userId(client.token()) }, 'admin');
    expect((await client.fetch('/me')).status).toBe(401);
    expect(told).toEqual([false]);
    expect((await client.fetch('/open')).status).toBe(200);
    expect(app.count('POST /api/auth/refresh')).toBe(1);
  });

  it('answered by a page of somebody else is no log-out', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app, { retryForMs: 0 });
    sleepFor(3600);
    app.outage = (req, res) =>
      req.url === '/api/auth/refresh' && !!res.end('<h1>Welcome to the hotel</h1>');
    await expect(client.fetch('/me')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    app.outage = undefined;
    expect((await client.fetch('/me')).status).toBe(200);
  });

  it('whose answer comes after a log-out is forgotten', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    sleepFor(3600);
    const held = new Promise<() => void>((resolve) => {
      app.outage = (req, res) => {
        if (req.url !== '/api/auth/refresh') return false;
        resolve(() => app.pass(req, res));
        return true;
      };
    });
    const waiting = client.token();
    const letPass = await held;
    client.setToken(undefined);
    letPass();
    expect(await waiting).toBeUndefined();
    expect(await client.token()).toBeUndefined();
    expect(client.current).toEqual({ authenticated: false });
  });

  it('is not asked for when the API wants a newer log-in', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    sleepFor(600);
    const answer = await client.fetch('/fresh');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('insufficient_user_authentication');
    expect(app.count('POST /api/auth/refresh')).toBe(0);
  });
});

async function userId(token: Promise<string | undefined>): Promise<string> {
  const [, payload = ''] = ((await token) ?? '').split('.');
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string }).sub;
}

describe('requests', () => {
  it('that change nothing are tried again through an outage, others are not', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    let tries = 0;
    app.outage = (req, res) =>
      (tries += 1) <= 2 &&
      (tries === 1 ? cut : (path: string) => refuse(path, 503))(req.url ?? '')(req, res);
    expect((await client.fetch('/me')).status).toBe(200);
    tries = 0;
    await expect(client.fetch('/echo', { method: 'POST', body: 'x' })).rejects.toThrow(TypeError);
    expect((await client.fetch('/echo', { method: 'POST', body: 'x' })).status).toBe(503);
    expect(tries).toBe(2);
  });

  it('give back a 503 when the time is up, as it is', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app, { retryForMs: 0 });
    app.outage = refuse('/me', 503, { 'X-Why': 'maintenance' });
    const answer = await client.fetch('/me');
    expect([answer.status, answer.headers.get('x-why')]).toEqual([503, 'maintenance']);
  });

  it('with a stream are sent once, and the next one has a new token', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    // Tokens of one second may be equal.
    sleepFor(2);
    app.outage = refuseFirstToken();
    const upload = (): RequestInit & { duplex: 'half' } => ({
      method: 'POST',
      body: new Blob(['streamed']).stream(),
      duplex: 'half',
    });
    expect((await client.fetch('/echo', upload())).status).toBe(401);
    const second = await client.fetch('/echo', { method: 'POST', body: 'again' });
    expect(await second.text()).toBe('again');
    const third = await client.fetch('/echo', upload());
    expect(await third.text()).toBe('streamed');
  });

  it('keep what the caller set', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    client.org = 'acme';
    const headers = { 'X-Org-Id': 'other', 'X-Request-Id': 'mine-0001' };
    expect(await (await client.fetch('/me', { headers })).json()).toMatchObject({
      org: 'other',
      requestId: 'mine-0001',
    });
    const own = { Authorization: 'Bearer not.a.token' };
    expect((await client.fetch('/me', { headers: own })).status).toBe(401);
    expect(app.count('POST /api/auth/refresh')).toBe(0);
  });

  it('end with the reason of their signal, also while a token is awaited, which others still get', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    sleepFor(3600);
    let isSlow = true;
    app.outage = (req, res) => {
      if (!isSlow || req.url !== '/api/auth/refresh') return false;
      isSlow = false;
      res.writeHead(503, { 'Retry-After': '1' }).end();
      return true;
    };
    const aborter = new AbortController();
    const aborted = client.fetch('/me', { signal: aborter.signal });
    const other = client.fetch('/me');
    await vi.waitFor(() => expect(isSlow).toBe(false));
    const reason = new Error('the user went elsewhere');
    aborter.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    expect((await other).status).toBe(200);
    await expect(client.fetch('/me', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('a token source', () => {
  const given = async (app: ClientApp): Promise<string> => {
    const client = await signedIn(app);
    return (await client.token()) ?? '';
  };

  it('is asked once for all who wait, and again after its token was refused', async () => {
    const app = await serveClientApp();
    const token = await given(app);
    const asked: string[] = [];
    const client = createAuthClient({
      baseUrl: `${app.origin}/api`,
      tokenSource: async () => {
        asked.push('asked');
        await sleep(5);
        return asked.length === 1 ? 'not.a.token' : { access_token: token, expires_in: 60 };
      },
    });
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.fetch('/me')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(asked).toHaveLength(2);
    expect(await client.session()).toMatchObject({ user: { username: 'alice' } });
    sleepFor(61);
    await client.fetch('/open');
    expect(asked).toHaveLength(3);
    expect(app.count('POST /api/auth/refresh')).toBe(0);
  });

  it('that has no other token leaves the refusal to the caller', async () => {
    const app = await serveClientApp();
    const client = createAuthClient({ baseUrl: `${app.origin}/api`, tokenSource: () => 'a.b.c' });
    expect((await client.fetch('/me')).status).toBe(401);
    expect(app.count('GET /api/me')).toBe(1);
  });

  const cause = new Error('the frame is gone');
  it.each([
    {
      title: 'throws',
      source: () => {
        throw cause;
      },
      code: 'TOKEN_SOURCE_FAILED',
      facts: { cause },
    },
    {
      title: 'rejects',
      source: () => Promise.reject(cause),
      code: 'TOKEN_SOURCE_FAILED',
      facts: { cause },
    },
    { title: 'gives nothing', source: () => '', code: 'TOKEN_SOURCE_FAILED', facts: {} },
    { title: 'gives two lines', source: () => 'a\nb', code: 'TOKEN_SOURCE_FAILED', facts: {} },
    {
      title: 'does not answer',
      source: () => new Promise<string>(() => undefined),
      code: 'TOKEN_SOURCE_TIMEOUT',
      facts: {},
    },
  ])('that $title is a clear error', async ({ source, code, facts }) => {
    const app = await serveClientApp();
    const client = createAuthClient({
      baseUrl: `${app.origin}/api`,
      tokenSource: source,
      tokenSourceTimeoutMs: 50,
    });
    const failure = client.fetch('/me');
    await expect(failure).rejects.toBeInstanceOf(AuthClientError);
    await expect(failure).rejects.toMatchObject({ code, ...facts });
    expect(app.log).toEqual([]);
  });

  it('is replaced by a token that is handed in', async () => {
    const app = await serveClientApp();
    const token = await given(app);
    const client = createAuthClient({ baseUrl: `${app.origin}/api` });
    expect(() => client.setToken('two words')).toThrow(TypeError);
    client.setToken(token);
    expect((await client.fetch('/me')).status).toBe(200);
    sleepFor(3600);
    expect((await client.fetch('/me')).status).toBe(401);
    await client.logout();
    expect(await client.token()).toBeUndefined();
    expect(app.count('POST /api/auth/refresh')).toBe(0);
    expect(app.count('POST /api/auth/logout')).toBe(0);
    client.close();
  });

  it('is asked again after a token that was handed in has expired or is forgotten', async () => {
    const app = await serveClientApp();
    const token = await given(app);
    let asked = 0;
    const client = createAuthClient({
      baseUrl: `${app.origin}/api`,
      tokenSource: () => ({ access_token: token, expires_in: 3600 * ++asked }),
    });
    client.setToken({ access_token: token, expires_in: 60 });
    await client.token();
    expect(asked).toBe(0);
    sleepFor(61);
    expect(await client.token()).toBe(token);
    expect(asked).toBe(1);
    client.setToken(undefined);
    expect(await client.token()).toBe(token);
    expect(asked).toBe(2);
  });
});

it('prints no token: neither an error nor the client itself', async () => {
  const app = await serveClientApp();
  const client = await signedIn(app, { retryForMs: 0 });
  const token = (await client.token()) ?? '';
  onTestFinished(() => client.close());
  app.outage = () => true;
  expect(JSON.stringify(client)).not.toContain(token);
});
