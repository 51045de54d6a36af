import { describe, expect, it } from 'vitest';
import {
  addUser,
  type AuthServer,
  bearer,
  PASSWORD,
  serveAuth,
  type Tokens,
} from '../../world/auth-server.js';
import { createClock } from '../../world/clock.js';

/** `GET /users`, with a token and a body where there are any. */
function call(
  { origin }: AuthServer,
  request: string,
  { tokens, body }: { tokens?: Tokens; body?: unknown } = {},
): Promise<Response> {
  const [method = '', path = ''] = request.split(' ');
  return fetch(`${origin}/api/auth${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(tokens && bearer(tokens)) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function withAdmin() {
  const server = await serveAuth();
  await addUser(server, { username: 'root', roles: ['admin'] });
  return { server, tokens: await server.signIn('root') };
}

describe('log-in with a cookie', () => {
  it('keeps the refresh token out of every body, and works without Secure on http only', async () => {
    const server = await serveAuth();
    await addUser(server);
    const answer = await server.post('/api/auth/login', {
      username: 'alice',
      password: PASSWORD,
      delivery: 'cookie',
    });
    const tokens = (await answer.json()) as Tokens;
    expect(tokens).not.toHaveProperty('refresh_token');
    const [line = ''] = answer.headers.getSetCookie();
    expect(line).toMatch(
      /^latchkey-session=r1\.\S+; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    const headers = { cookie: line.split(';')[0] ?? '', 'sec-fetch-site': 'same-origin' };
    const session = await server.get('/api/auth/session', headers);
    expect(await session.json()).toMatchObject({
      authenticated: true,
      user: { username: 'alice' },
      expires_in: expect.any(Number) as number,
      logout_url: expect.stringMatching(/^\/api\/auth\/logout\?session=/) as string,
    });
    const refreshed = await server.post('/api/auth/refresh', {}, headers);
    expect(await refreshed.json()).not.toHaveProperty('refresh_token');
    const [next = ''] = refreshed.headers.getSetCookie();
    expect(next).toContain('latchkey-session=r1.');
    const out = await server.post(
      '/api/auth/logout',
      {},
      { ...headers, cookie: next.split(';')[0] ?? '' },
    );
    expect(out.status).toBe(204);
    expect(out.headers.getSetCookie()[0]).toContain('latchkey-session=; Max-Age=0');
    expect((await server.get('/api/me', bearer(tokens))).status).toBe(401);
  });

  it('on https the cookie is __Host- and Secure', async () => {
    const server = await serveAuth({ publicUrl: 'https://app.example.com' });
    await addUser(server);
    const answer = await server.post('/api/auth/login', {
      username: 'alice',
      password: PASSWORD,
      delivery: 'cookie',
    });
    expect(answer.headers.getSetCookie()[0]).toMatch(/^__Host-latchkey-session=.+; Secure$/);
  });
});

describe('who is signed in', () => {
  it('GET /session is 200 for nobody, and 401 for a bad token', async () => {
    const server = await serveAuth();
    const answer = await server.get('/api/auth/session');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ authenticated: false });
    expect((await server.get('/api/auth/session', { authorization: 'Bearer x' })).status).toBe(401);
  });

  it('GET /session counts the life of the credential it came with: a token, or the session by cookie', async () => {
    const clock = createClock();
    const server = await serveAuth({
      now: clock.now,
      accessTtlSeconds: 900,
      refreshIdleTtlSeconds: 604_800,
    });
    await addUser(server);
    const login = await server.post('/api/auth/login', {
      username: 'alice',
      password: PASSWORD,
      delivery: 'cookie',
    });
    const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const tokens = (await login.json()) as Tokens;
    clock.advance(100);
    const byToken = await (await server.get('/api/auth/session', bearer(tokens))).json();
    expect(byToken).toMatchObject({ expires_in: 800, refresh_in: 640 });
    const byCookie = await (await server.get('/api/auth/session', { cookie })).json();
    expect(byCookie).toMatchObject({ expires_in: 604_700, refresh_in: 483_760 });
  });

  it('GET /me tells everything a page needs', async () => {
    const server = await serveAuth();
    await addUser(server, {
      email: 'alice@example.com',
      roles: ['analyst'],
      groups: ['emea'],
      attributes: { region: 'eu' },
      orgs: [{ id: 'acme', roles: ['owner'], isDefault: true }],
    });
    const tokens = await server.signIn('alice');
    expect(await (await server.get('/api/auth/me', bearer(tokens))).json()).toMatchObject({
      user: {
        email: 'alice@example.com',
        username: 'alice',
        roles: ['analyst'],
        groups: ['emea'],
        attributes: { region: 'eu' },
      },
      orgs: [{ id: 'acme', roles: ['owner'], default: true }],
      must_reset_password: false,
    });
  });
});

describe('ending sessions', () => {
  it('log-out everywhere ends all of them, and no token of them works', async () => {
    const server = await serveAuth();
    await addUser(server);
    const all = [await server.signIn('alice'), await server.signIn('alice')];
    const [first] = all;
    expect(
      (await server.post('/api/auth/logout', { all: true }, first && bearer(first))).status,
    ).toBe(204);
    for (const tokens of all)
      expect((await server.get('/api/me', bearer(tokens))).status).toBe(401);
  });

  it('a form of RFC 7009 revokes, and a token that is none is 200 all the same', async () => {
    const server = await serveAuth();
    await addUser(server);
    const tokens = await server.signIn('alice');
    const form = {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    };
    for (const token of ['nonsense', tokens.refresh_token]) {
      const body = new URLSearchParams({ token, token_type_hint: 'refresh_token' });
      const answer = await fetch(`${server.origin}/api/auth/revoke`, { ...form, body });
      expect(answer.status).toBe(200);
    }
    expect((await server.get('/api/me', bearer(tokens))).status).toBe(401);
  });

  it('log-out without any credential is 401', async () => {
    const server = await serveAuth();
    expect((await server.post('/api/auth/logout', {})).status).toBe(401);
  });
});

describe('managing users', () => {
  it('adds, lists, changes and deletes', async () => {
    const { server, tokens } = await withAdmin();
    const created = await call(server, 'POST /users', {
      tokens,
      body: {
        username: 'Carol',
        email: 'Carol@Example.com',
        password: PASSWORD,
        roles: ['x'],
        orgs: [{ id: 'acme' }],
      },
    });
    expect(created.status).toBe(201);
    const carol = (await created.json()) as { id: string };
    expect(carol).toMatchObject({ username: 'carol', email: 'carol@example.com', disabled: false });
    expect(JSON.stringify(carol)).not.toContain('argon2');
    const session = await server.signIn('carol');

    const patched = await call(server, `PATCH /users/${carol.id}`, {
      tokens,
      body: { roles: ['y'], username: null },
    });
    expect(await patched.json()).toMatchObject({ roles: ['y'], username: null });
    const disabled = await call(server, `PATCH /users/${carol.id}`, {
      tokens,
      body: { disabled: true },
    });
    expect(disabled.status).toBe(200);
    expect((await server.get('/api/me', bearer(session))).status).toBe(401);
    const refused = await server.post('/api/auth/login', {
      email: 'carol@example.com',
      password: PASSWORD,
    });
    expect(refused.status).toBe(401);

    const page = (await (await call(server, 'GET /users?limit=1', { tokens })).json()) as {
      users: unknown[];
      next: string;
    };
    expect(page.users).toHaveLength(1);
    const rest = (await (
      await call(server, `GET /users?after=${page.next}`, { tokens })
    ).json()) as { users: unknown[] };
    expect(rest.users).toHaveLength(1);

    expect((await call(server, `DELETE /users/${carol.id}`, { tokens })).status).toBe(204);
    expect((await call(server, `DELETE /users/${carol.id}`, { tokens })).status).toBe(404);
    expect(
      server.events
        .filter(({ name }) => name === 'user.changed')
        .map(({ event }) => (event as { change: string }).change),
    ).toEqual(['created', 'updated', 'disabled', 'deleted']);
  });

  it('resets a password by mail, to be changed at the first sign-in', async () => {
    const { server, tokens } = await withAdmin();
    const { id } = await addUser(server, { email: 'alice@example.com' });
    const before = await server.signIn('alice');
    expect((await call(server, `POST /users/${id}/reset-password`, { tokens })).status).toBe(202);
    expect((await server.get('/api/me', bearer(before))).status).toBe(401);
    await server.auth.close();
    const [mail] = server.mails;
    const password = mail?.kind === 'temporary_password' ? mail.data.password : '';
    expect((await server.signIn('alice', password)).must_reset_password).toBe(true);
    const nobody = await addUser(server, { username: 'mailless' });
    expect((await call(server, `POST /users/${nobody.id}/reset-password`, { tokens })).status).toBe(
      409,
    );
  });

  it.each([
    { title: 'a login that is taken', body: { username: 'root' }, status: 409 },
    { title: 'no login', body: { roles: [] }, status: 400 },
    { title: 'a user name that is an address', body: { username: 'a@b.com' }, status: 400 },
    { title: 'an address that is none', body: { email: 'nobody' }, status: 400 },
    { title: 'a weak password', body: { username: 'new', password: 'short' }, status: 400 },
    {
      title: 'two default organisations',
      body: {
        username: 'new',
        orgs: [
          { id: 'a', default: true },
          { id: 'b', default: true },
        ],
      },
      status: 400,
    },
    { title: 'an unknown member', body: { username: 'new', isAdmin: true }, status: 400 },
    { title: 'a hash', body: { username: 'new', password_hash: 'x' }, status: 400 },
    {
      title: 'too many roles',
      body: { username: 'new', roles: Array<string>(101).fill('x') },
      status: 400,
    },
  ])('$title is $status', async ({ body, status }) => {
    const { server, tokens } = await withAdmin();
    expect((await call(server, 'POST /users', { tokens, body })).status).toBe(status);
  });

  it('is for the scope users:admin only', async () => {
    const server = await serveAuth();
    await addUser(server);
    const tokens = await server.signIn('alice');
    const answer = await call(server, 'GET /users', { tokens });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('www-authenticate')).toContain('scope="users:admin"');
    expect((await call(server, 'GET /users')).status).toBe(401);
    expect(
      (await call(server, 'GET /users?limit=0', { tokens: await adminOf(server) })).status,
    ).toBe(400);
  });

  async function adminOf(server: AuthServer): Promise<Tokens> {
    await addUser(server, { username: 'root', roles: ['admin'] });
    return server.signIn('root');
  }
});

describe('options of the router', () => {
  it('without sendMail the routes that need it are not there', async () => {
    const server = await serveAuth({}, { sendMail: undefined as never });
    expect((await server.post('/api/auth/forgot-password', { email: 'a@b.com' })).status).toBe(404);
    expect((await server.post('/api/auth/reset-password', {})).status).toBe(404);
  });

  it('scopes and claims are the application’s to choose, and replace none of ours', async () => {
    const server = await serveAuth({
      tokenScopes: () => ['reports:read'],
      tokenClaims: (user, session) => ({
        user_id: user.id,
        session_id: session.id,
        iss: 'evil',
        sub: 'evil',
        exp: 1,
      }),
    });
    const { id } = await addUser(server);
    const me = (await (
      await server.get('/api/me', bearer(await server.signIn('alice')))
    ).json()) as {
      claims: Record<string, unknown>;
      scopes: string[];
    };
    expect(me.scopes).toEqual(['reports:read']);
    expect(me.claims).toMatchObject({ user_id: id, sub: id, iss: 'http://localhost:3000' });
    expect(me.claims['session_id']).toBe(me.claims['sid']);
  });

  it.each([
    { title: 'an unknown option', options: { sendMails: () => undefined } },
    {
      title: 'mails without a place for links to lead',
      options: { sendMail: () => undefined },
      publicUrl: undefined,
    },
  ])('$title is a TypeError', async ({ options, ...rest }) => {
    const server = await serveAuth({
      jwt: { secret: 'zJ4vQ0mB8sXw2kL6tR1yN5uH9cE3gP7dFaVoIqTz', issuer: 'https://me' },
    });
    const { createAuth } = await import('latchkey');
    const auth = createAuth({
      env: {},
      jwt: { secret: 'zJ4vQ0mB8sXw2kL6tR1yN5uH9cE3gP7dFaVoIqTz', issuer: 'https://me' },
      publicUrl: 'publicUrl' in rest ? undefined : server.origin,
      onWarning: () => undefined,
    });
    expect(() => auth.router(options as never)).toThrow(TypeError);
  });

  it('an application that only verifies has no router, and says how to get one', async () => {
    const { createAuth } = await import('latchkey');
    const auth = createAuth({
      env: {},
      jwt: { jwksUrl: 'http://localhost:1/jwks', issuer: 'https://idp.example', audience: ['x'] },
    });
    expect(() => auth.router()).toThrow(/AUTH_JWT_SECRET/);
    expect(() => auth.users).toThrow(TypeError);
    await auth.close();
  });
});

it('a session in the list says what and when', async () => {
  const clock = createClock();
  const server = await serveAuth({ now: clock.now });
  await addUser(server);
  const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
  await server.post(
    '/api/auth/login',
    { username: 'alice', password: PASSWORD },
    { 'user-agent': agent },
  );
  clock.advance(60);
  const tokens = await server.signIn('alice');
  expect(await (await server.get('/api/auth/sessions', bearer(tokens))).json()).toMatchObject({
    sessions: [
      { current: true, device: 'Node.js', created_at: new Date(clock.now()).toISOString() },
      { current: false, device: 'Firefox on Linux' },
    ],
  });
});
