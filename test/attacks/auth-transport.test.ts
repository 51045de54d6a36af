import { gzipSync } from 'node:zlib';
import { connect } from 'node:net';
import express from 'express';
import { createAuth } from 'latchkey';
import { describe, expect, it } from 'vitest';
import {
  addUser,
  type AuthServer,
  bearer,
  PASSWORD,
  SECRET,
  serveAuth,
  type Tokens,
} from '../world/auth-server.js';
import { serve } from '../world/serve.js';

const json = { 'content-type': 'application/json' };

const send = (
  { origin }: Pick<AuthServer, 'origin'>,
  path: string,
  init: RequestInit,
): Promise<Response> => fetch(`${origin}/api/auth${path}`, { method: 'POST', ...init });

describe('S1 to S3 sessions', () => {
  it('S1 a cookie tossed by a sub-domain has another name, and is nobody’s', async () => {
    const server = await serveAuth({ publicUrl: 'https://app.example.com' });
    await addUser(server);
    const credentials = { username: 'alice', password: PASSWORD, delivery: 'cookie' };
    const [ours = ''] = (await server.post('/api/auth/login', credentials)).headers.getSetCookie();
    const [own = ''] = ours.split(';');
    const isKnown = await server.get('/api/auth/session', { cookie: own });
    expect(await isKnown.json()).toMatchObject({ authenticated: true });
    const value = own.slice(own.indexOf('=') + 1);
    const cookie = `session=${value}; latchkey-session=${value}`;
    expect(await (await server.get('/api/auth/session', { cookie })).json()).toEqual({
      authenticated: false,
    });
  });

  it('S2 another user’s session is 404, and an id is no secret', async () => {
    const server = await serveAuth();
    await addUser(server, { username: 'alice' });
    await addUser(server, { username: 'bob' });
    const [alice, bob] = [await server.signIn('alice'), await server.signIn('bob')];
    const remove = (id: string, tokens: Tokens) =>
      send(server, `/sessions/${id}`, { method: 'DELETE', headers: bearer(tokens) });
    const { sessions } = (await (await server.get('/api/auth/sessions', bearer(alice))).json()) as {
      sessions: { id: string; current: boolean }[];
    };
    const [own] = sessions;
    expect(own).toMatchObject({ current: true });
    expect((await remove(own?.id ?? '', bob)).status).toBe(404);
    expect((await remove('nobody', bob)).status).toBe(404);
    expect((await remove('%00', bob)).status).toBe(404);
    expect((await server.get('/api/me', bearer(alice))).status).toBe(200);
    expect((await server.post('/api/auth/refresh', { refresh_token: own?.id })).status).toBe(401);
    expect((await remove(own?.id ?? '', alice)).status).toBe(204);
    expect((await server.get('/api/me', bearer(alice))).status).toBe(401);
  });
});

describe('T1 members that nobody asked for', () => {
  it.each([
    '{"username":"alice","password":"x","__proto__":{"admin":1}}',
    '{"username":"alice","password":"x","constructor":{"prototype":{"admin":1}}}',
    '{"username":"alice","password":"x","admin":true}',
  ])('%s is 400 and changes no prototype', async (body) => {
    const server = await serveAuth();
    expect((await send(server, '/login', { headers: json, body })).status).toBe(400);
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });

  it('the same through a parser of the application’s own', async () => {
    const auth = createAuth({
      env: {},
      publicUrl: 'http://localhost:3000',
      jwt: { secret: SECRET },
      onWarning: () => undefined,
    });
    const app = express().use(express.json(), express.urlencoded({ extended: true }));
    app.use('/api/auth', auth.router(), auth.errorHandler());
    const server = await serve(app);
    const polluted = '{"username":"alice","password":"x","__proto__":{"admin":1}}';
    expect((await send(server, '/login', { headers: json, body: polluted })).status).toBe(400);
    const good = await send(server, '/login', {
      headers: json,
      body: '{"username":"alice","password":"x"}',
    });
    expect(good.status).toBe(401);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await send(server, '/revoke', { headers: form, body: 'token=x' })).status).toBe(200);
  });
});

describe('T2 bodies', () => {
  const good = { username: 'alice', password: PASSWORD };

  it.each([
    {
      title: '20 kB',
      headers: json,
      body: JSON.stringify({ ...good, password: 'x'.repeat(20_000) }),
      status: 413,
    },
    { title: 'broken JSON', headers: json, body: '{"username":', status: 400 },
    { title: 'null', headers: json, body: 'null', status: 400 },
    { title: 'a list', headers: json, body: '[]', status: 400 },
    { title: 'text', headers: json, body: '"alice"', status: 400 },
    { title: 'nothing', headers: json, body: '', status: 400 },
    {
      title: 'text/plain',
      headers: { 'content-type': 'text/plain' },
      body: JSON.stringify(good),
      status: 415,
    },
    {
      title: 'a form',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'username=a&password=b',
      status: 415,
    },
    {
      title: 'an unknown charset',
      headers: { 'content-type': 'application/json; charset=latin1' },
      body: JSON.stringify(good),
      status: 415,
    },
    {
      title: 'gzip',
      headers: { ...json, 'content-encoding': 'gzip' },
      body: gzipSync(JSON.stringify(good)),
      status: 400,
    },
    {
      title: 'a gzip bomb',
      headers: { ...json, 'content-encoding': 'gzip' },
      body: gzipSync(Buffer.alloc(5_000_000)),
      status: 400,
    },
  ])('$title is $status', async ({ headers, body, status }) => {
    const server = await serveAuth();
    await addUser(server);
    const answer = await send(server, '/login', { headers, body });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.text()).not.toContain(PASSWORD);
  });

  it('UTF-16 is read like UTF-8', async () => {
    const server = await serveAuth();
    await addUser(server);
    const body = Buffer.from(`\uFEFF${JSON.stringify(good)}`, 'utf16le');
    const answer = await send(server, '/login', {
      headers: { 'content-type': 'application/json; charset=utf-16' },
      body,
    });
    expect(answer.status).toBe(200);
  });

  it('says what is wrong in which member, and repeats no value', async () => {
    const server = await serveAuth();
    const body = JSON.stringify({ username: 'a', password: '', 'is/~Admin': 'hunter2' });
    const answer = await send(server, '/login', { headers: json, body });
    const text = await answer.text();
    expect(text).not.toContain('hunter2');
    const problem = JSON.parse(text) as { errors: { pointer: string }[] };
    expect(
      problem.errors.map(({ pointer }) => pointer).toSorted((a, b) => a.localeCompare(b)),
    ).toEqual(['#/is~1~0Admin', '#/password']);
  });

  it.each([
    { title: 'two', members: { one: 1, 'ü b': 2 }, pointers: ['#/one', '#/%C3%BC%20b'] },
    { title: 'half a character', members: { '\ud800': 1 }, pointers: ['#/%EF%BF%BD'] },
    { title: 'a long one', members: { ['x'.repeat(9000)]: 1 }, pointers: [`#/${'x'.repeat(64)}`] },
    { title: 'an empty one', members: { '': 1 }, pointers: ['#/'] },
  ])('names unknown members by their pointers: $title', async ({ members, pointers }) => {
    const server = await serveAuth();
    const answer = await server.post('/api/auth/refresh', members);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: 'INVALID_REQUEST',
      errors: pointers.map((pointer) => ({ pointer, detail: 'is no member of this request' })),
    });
  });

  it('names twenty of a thousand unknown members', async () => {
    const server = await serveAuth();
    const names = Array.from({ length: 1000 }, (_, index) => [`m${index}`, 1]);
    const answer = await server.post('/api/auth/refresh', Object.fromEntries(names));
    const { errors } = (await answer.json()) as { errors: unknown[] };
    expect(errors).toHaveLength(20);
  });
});

describe('T3 other spellings of a path', () => {
  it.each([
    '//api/auth/login',
    '/api/auth//login',
    '/api/auth/login/',
    '/api/auth/LOGIN',
    '/api/auth/%2flogin',
  ])('%s is 404', async (path) => {
    const server = await serveAuth();
    await addUser(server);
    const { hostname, port } = new URL(server.origin);
    const body = JSON.stringify({ username: 'alice', password: PASSWORD });
    const status = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () =>
        socket.end(
          `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        ),
      );
      socket.once('data', (data) => resolve(data.toString().slice(9, 12)));
    });
    expect(status).toBe('404');
  });
});

describe('T4 what leaves the house', () => {
  it('every answer says no-store, and secrets stand only where they belong', async () => {
    const server = await serveAuth({ loginLimit: { max: 1000, windowSeconds: 60 } });
    await addUser(server, { username: 'root', roles: ['admin'] });
    await addUser(server, { email: 'alice@example.com' });
    const answers: {
      path: string;
      status: number;
      noStore: string | null;
      text: string;
      headers: string;
    }[] = [];
    async function call(path: string, init: RequestInit = {}): Promise<string> {
      const answer = await fetch(`${server.origin}/api/auth${path}`, init);
      const text = await answer.text();
      const noStore = answer.headers.get('cache-control');
      answers.push({
        path,
        status: answer.status,
        noStore,
        text,
        headers: JSON.stringify([...answer.headers]),
      });
      return text;
    }
    const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
      call(path, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) });
    const tokens = JSON.parse(
      await post('/login', { username: 'alice', password: PASSWORD }),
    ) as Tokens;
    const admin = JSON.parse(
      await post('/token', { username: 'root', password: PASSWORD }),
    ) as Tokens;
    await post('/login', { username: 'alice', password: 'a wrong secret' });
    const next = JSON.parse(
      await post('/refresh', { refresh_token: tokens.refresh_token }),
    ) as Tokens;
    await post('/refresh', { refresh_token: `${next.refresh_token}x` });
    for (const path of [
      '/me',
      '/session',
      '/sessions',
      '/users',
      '/jwks.json',
      '/login',
      '/nothing',
    ])
      await call(path, { headers: bearer(next) });
    await call('/users', { headers: bearer(admin) });
    await post(
      '/users',
      { username: 'new', password: 'a sentence for somebody new' },
      bearer(admin),
    );
    await post('/forgot-password', { email: 'alice@example.com' });
    await post('/reset-password', {
      token: 'guessed',
      new_password: 'a sentence that is quite new',
    });
    await post(
      '/change-password',
      { old_password: 'a wrong secret', new_password: PASSWORD },
      bearer(next),
    );
    await post('/revoke', { refresh_token: next.refresh_token });
    await post('/logout', {}, bearer(admin));
    await call('/me', { headers: bearer(next) });

    const routes = answers.filter(({ path }) => path !== '/nothing');
    expect(routes.map(({ path, noStore }) => [path, noStore])).toEqual(
      routes.map(({ path }) => [path, 'no-store']),
    );
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    const mailed = server.mails.map((mail) => JSON.stringify(mail.data)).join();
    const hashes = await Promise.all(
      ['alice', 'root'].map(
        async (name) => (await server.auth.users.findByLogin(name))?.passwordHash ?? '',
      ),
    );
    const nowhere = [PASSWORD, 'a wrong secret', 'a sentence', ...hashes, SECRET];
    const onlyInTokenAnswers = [tokens, next, admin].flatMap((each) => [
      each.access_token,
      each.refresh_token,
    ]);
    const all = answers.map(({ text, headers }) => text + headers).join();
    for (const secret of nowhere) expect(all + JSON.stringify(server.events)).not.toContain(secret);
    const others = answers.filter(
      ({ path, status }) => status !== 200 || !/login|token|refresh|password/.test(path),
    );
    const elsewhere =
      others.map(({ text, headers }) => text + headers).join() +
      JSON.stringify(server.events) +
      mailed;
    for (const secret of onlyInTokenAnswers) expect(elsewhere).not.toContain(secret);
    const token = server.mails.find((mail) => mail.kind === 'password_reset');
    const resetToken = token?.kind === 'password_reset' ? token.data.token : 'missing';
    expect(all + JSON.stringify(server.events)).not.toContain(resetToken);
  });
});
