import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { addUser, type AuthServer, bearer, PASSWORD, serveAuth } from '../world/auth-server.js';

const NEW = 'a sentence that is quite new';

/** Calls a route that is written as `METHOD /path`. */
async function call(
  { origin }: AuthServer,
  route: string,
  { token, body, cookie }: { token?: string; body?: object; cookie?: string } = {},
) {
  const [method = '', path = ''] = route.split(' ');
  const response = await fetch(`${origin}/api/auth${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(cookie !== undefined && { cookie, 'x-csrf': '1' }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.text() };
}

describe('a token of another trusted issuer, with the id and session of one of our users', () => {
  /** Alice has every right here, and so has her namesake there. */
  async function world() {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const server = await serveAuth({ trustedIssuers: [issuer.policy] });
    const alice = await addUser(server, { roles: ['admin'], email: 'alice@corp.example' });
    const bob = await addUser(server, { username: 'bob' });
    const tokens = await server.signIn('alice');
    const [session] = await server.auth.sessions.list(alice.id);
    const { id: sid = '' } = session ?? {};
    const claims = { sub: alice.id, sid, scope: 'users:admin', client_id: 'there' };
    const foreign = await issuer.mint(claims);
    const guarded = await server.get('/api/me', { authorization: `Bearer ${foreign}` });
    expect(guarded.status).toBe(200);
    return { server, alice, bob, sid, tokens, foreign };
  }

  it.each([
    'GET /sessions',
    'DELETE /sessions/:session',
    'POST /change-password',
    'GET /users',
    'POST /users',
    'PATCH /users/:bob',
    'DELETE /users/:bob',
    'POST /users/:bob/reset-password',
    'POST /link/github',
  ])('%s refuses another issuer’s token with our user’s id, and changes nothing', async (route) => {
    const { server, alice, bob, sid, tokens, foreign } = await world();
    const before = await server.auth.users.list({ limit: 10 });
    const asked = route.replace(':session', sid).replace(':bob', bob.id);
    const bodies: Readonly<Record<string, object>> = {
      'POST /change-password': { old_password: PASSWORD, new_password: NEW },
      'POST /users': { username: 'carol' },
      'PATCH /users/:bob': { disabled: true },
    };
    const body = bodies[route];
    expect(await call(server, asked, { token: foreign, ...(body && { body }) })).toMatchObject({
      status: 401,
    });
    expect(await server.auth.users.list({ limit: 10 })).toEqual(before);
    expect(await server.auth.sessions.list(alice.id)).toHaveLength(1);
    expect((await server.get('/api/me', bearer(tokens))).status).toBe(200);
    expect(server.mails).toEqual([]);
  });

  it.each([{ all: true }, {}])(
    'POST /logout with %j ends no session of the user that another issuer’s token names',
    async (body) => {
      const { server, tokens, foreign } = await world();
      expect(await call(server, 'POST /logout', { token: foreign, body })).toMatchObject({
        status: 204,
      });
      expect((await server.get('/api/me', bearer(tokens))).status).toBe(200);
      expect((await server.post('/api/auth/refresh', tokenOf(tokens))).status).toBe(200);
    },
  );

  it('POST /logout with another issuer’s token and our cookie ends the sessions of the cookie’s user', async () => {
    const { server, bob, tokens, foreign } = await world();
    const cookie = await cookieOf(server, 'bob');
    const body = { all: true };
    expect((await call(server, 'POST /logout', { token: foreign, cookie, body })).status).toBe(204);
    expect(await server.auth.sessions.list(bob.id)).toEqual([]);
    expect((await server.get('/api/me', bearer(tokens))).status).toBe(200);
  });

  it('GET /session answers another issuer’s token without a link that ends our session', async () => {
    const { server, sid, foreign } = await world();
    const { status, body } = await call(server, 'GET /session', { token: foreign });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ logout_url: '/api/auth/logout' });
    expect(body).not.toContain(sid);
  });

  it('GET /me answers another issuer’s token with its issuer, and nothing of our account', async () => {
    const { server, foreign } = await world();
    const { body } = await call(server, 'GET /me', { token: foreign });
    expect(JSON.parse(body)).toMatchObject({ issuer: 'https://issuer.test', user: { roles: [] } });
    expect(body).not.toContain('alice');
  });

  it('another issuer’s token gets no token of the provider that our user signed in with', async () => {
    const { server, foreign } = await world();
    const principal = await server.auth.authenticate({
      headers: { authorization: `Bearer ${foreign}` },
    });
    await expect(server.auth.upstreamToken({ auth: principal })).rejects.toMatchObject({
      code: 'AUTH_CONTEXT_REQUIRED',
    });
  });
});

const tokenOf = ({ refresh_token }: { refresh_token: string }) => ({ refresh_token });

/** The session cookie of a user who has just signed in. */
async function cookieOf(server: AuthServer, username: string): Promise<string> {
  const body = { username, password: PASSWORD, delivery: 'cookie' };
  const answer = await server.post('/api/auth/login', body);
  return answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

describe('a user who was disabled in the store, whose sessions were left as they were', () => {
  async function world() {
    const server = await serveAuth();
    const { id } = await addUser(server, { roles: ['admin'] });
    const [tokens, cookie] = [await server.signIn('alice'), await cookieOf(server, 'alice')];
    await server.auth.users.update(id, { disabled: true });
    return { server, id, tokens, cookie };
  }

  it.each(['GET /sessions', 'GET /users', 'DELETE /sessions/x', 'POST /change-password'])(
    '%s is 401 with an access token of a disabled user',
    async (route) => {
      const { server, tokens } = await world();
      const body = { old_password: PASSWORD, new_password: NEW };
      const isChange = route === 'POST /change-password';
      const { access_token: token } = tokens;
      const answer = await call(server, route, { token, ...(isChange && { body }) });
      expect(answer.status).toBe(401);
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'TOKEN_REVOKED' });
    },
  );

  it.each(['GET /me', 'GET /sessions', 'GET /users', 'POST /link/github'])(
    '%s is 401 with the cookie of a disabled user',
    async (route) => {
      const { server, cookie } = await world();
      expect((await call(server, route, { cookie })).status).toBe(401);
    },
  );

  it('refresh by a disabled user’s token or cookie is 401, and /session says anonymous', async () => {
    const { server, tokens, cookie } = await world();
    expect(await call(server, 'GET /session', { cookie })).toEqual({
      status: 200,
      body: '{"authenticated":false}',
    });
    expect((await call(server, 'POST /refresh', { cookie })).status).toBe(401);
    expect((await server.post('/api/auth/refresh', tokenOf(tokens))).status).toBe(401);
  });
});
