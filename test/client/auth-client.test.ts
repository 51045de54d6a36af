import { inspect } from 'node:util';
import { AuthClientError, createAuthClient } from 'latchkey/client';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PASSWORD } from '../world/auth-server.js';
import { serve } from '../world/serve.js';
import { type ClientApp, cut, refuse, serveClientApp } from './client-app.js';
import { signedIn } from './sign-in.js';
import { sleepFor } from './sleep-for.js';
import { PATIENCE } from '../world/patience.js';

afterEach(() => void vi.useRealTimers());

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

  it('tells a listener nothing more once that is over, nor each less when one of two is', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    const told: string[] = [];
    const end = client.onChange(() => told.push('ended'));
    const listener = () => void told.push('twice');
    const stop = client.onChange(listener);
    client.onChange(listener);
    stop();
    client.setToken(undefined);
    // After the change, and before any listener has heard of it.
    end();
    stop();
    await client.login({ username: 'alice', password: PASSWORD });
    await Promise.resolve();
    expect(told).toEqual(['twice', 'twice']);
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
    await vi.waitFor(async () => expect(await client.token()).not.toBe(first), PATIENCE);
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
    {
      title: 'breaks off its answers',
      outage: (req, res) => {
        res.writeHead(200, { 'Content-Type': 'application/json' });
        res.write('{"access_token":', () => void req.socket.destroy());
        return true;
      },
    },
    {
      title: 'cannot be reached for the page of a hotel',
      outage: (_req, res) => !!res.end('<h1>Welcome to the hotel</h1>'),
    },
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
    app.outage = refuse('/refresh', 503);
    const failure = client.fetch('/me');
    await expect(failure).rejects.toMatchObject({ code: 'UNAVAILABLE', status: 503 });
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

  it('refused by something that is not the auth router is no log-out', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app, { retryForMs: 0 });
    sleepFor(3600);
    app.outage = refuse('/refresh', 403);
    await expect(client.fetch('/me')).rejects.toMatchObject({ code: 'REFUSED', status: 403 });
    expect(client.current).toMatchObject({ authenticated: true });
    app.outage = undefined;
    expect((await client.fetch('/me')).status).toBe(200);
  });

  it('happens once more for a request that slept through the one before', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    // Tokens of one second may be equal.
    sleepFor(2);
    let answer = (): void => {};
    const outage = refuseFirstToken();
    app.outage = (req, res) => {
      if (req.url !== '/api/open') return outage(req, res);
      app.outage = outage;
      answer = () => void outage(req, res);
      return true;
    };
    const slow = client.fetch('/open');
    await vi.waitFor(() => expect(app.count('GET /api/open')).toBe(1), PATIENCE);
    await client.fetch('/me');
    sleepFor(3600);
    answer();
    expect(await (await slow).json()).toEqual({ user: true });
    expect(app.count('POST /api/auth/refresh')).toBe(2);
  });

  const deaf: typeof fetch = (url, { signal: _signal, ...init } = {}) => fetch(url, init);
  it.each([
    { title: 'by fetch()', options: {} },
    { title: 'by one that knows no signals', options: { fetch: deaf } },
  ])('whose answer comes after a log-out is forgotten: $title', async ({ options }) => {
    const app = await serveClientApp();
    const client = await signedIn(app, options);
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

function formOf(name: string): FormData {
  const form = new FormData();
  form.append('file', new Blob(['part']), name);
  return form;
}

/** Answers the first request for the API so, at length. */
function refuseOnce(status: number): NonNullable<ClientApp['outage']> {
  let isOver = false;
  return (req, res) => {
    if (isOver || req.url?.includes('/auth/')) return false;
    isOver = true;
    res.writeHead(status).end('x'.repeat(100_000));
    return true;
  };
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

  it('with a stream of a polyfill are sent once, too', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app, {
      // What such a `fetch` does with them.
      fetch: (input, init) =>
        fetch(input, typeof init?.body === 'object' ? { ...init, body: 'streamed' } : init),
    });
    // Tokens of one second may be equal.
    sleepFor(2);
    app.outage = refuseFirstToken();
    class PonyfillStream extends Blob {
      getReader() {}
    }
    const upload = { method: 'POST', body: new PonyfillStream([]) };
    expect((await client.fetch('/echo', upload)).status).toBe(401);
    expect(app.count('POST /api/echo')).toBe(1);
  });

  it.each([
    { title: 'a form', body: () => formOf('file.txt'), has: 'filename="file.txt"' },
    { title: 'a blob', body: () => new Blob(['part']), has: 'part' },
    { title: 'bytes', body: () => new TextEncoder().encode('part'), has: 'part' },
    { title: 'text', body: () => 'part', has: 'part' },
  ])('with $title are sent again as they were when the token is refused', async ({ body, has }) => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    // Tokens of one second may be equal.
    sleepFor(2);
    app.outage = refuseFirstToken();
    const answer = await client.fetch('/echo', { method: 'POST', body: body() });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain(has);
    expect(app.count('POST /api/echo')).toBe(2);
  });

  it.each([
    { title: 'a refusal', outage: () => refuseFirstToken() },
    { title: 'an outage', outage: () => refuseOnce(503) },
  ])('go on after $title also where a wrapper has cloned the answer', async ({ outage }) => {
    const app = await serveClientApp();
    const clones: Response[] = [];
    const client = await signedIn(app, {
      async fetch(...request) {
        const answer = await fetch(...request);
        clones.push(answer.clone());
        return answer;
      },
    });
    // Tokens of one second may be equal.
    sleepFor(2);
    app.outage = outage();
    expect((await client.fetch('/me')).status).toBe(200);
    expect(app.count('GET /api/me')).toBe(2);
  });

  it('are tried again through an outage by whatever sends them', async () => {
    const app = await serveClientApp();
    let isAway = false;
    const client = await signedIn(app, {
      async fetch(...request) {
        if (!isAway) return fetch(...request);
        isAway = false;
        // As node-fetch has it.
        throw Object.assign(new Error('request failed'), { name: 'FetchError' });
      },
    });
    isAway = true;
    expect((await client.fetch('/me')).status).toBe(200);
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
    await vi.waitFor(() => expect(isSlow).toBe(false), PATIENCE);
    const reason = new Error('the user went elsewhere');
    aborter.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    // At once, and not when the token has come.
    expect(app.count('POST /api/auth/refresh')).toBe(1);
    expect((await other).status).toBe(200);
    await expect(client.fetch('/me', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

it('prints no token: neither an error nor the client itself', async () => {
  const app = await serveClientApp();
  const client = await signedIn(app, { retryForMs: 0 });
  const token = (await client.token()) ?? '';
  onTestFinished(() => client.close());
  app.outage = refuse('/refresh', 500);
  sleepFor(3600);
  const failure: unknown = await client.fetch('/me').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(AuthClientError);
  for (const told of [client, failure])
    expect(inspect(told, { depth: Infinity, showHidden: true })).not.toContain(token);
  expect(JSON.stringify(client)).not.toContain(token);
});
