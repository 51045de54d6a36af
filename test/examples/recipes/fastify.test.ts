import { request as httpRequest } from 'node:http';
import express from 'express';
import { createAuth } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createApp } from '../../../examples/recipes/fastify/app.js';
import { addUser, BASE, bearer, createClient } from '../../world/auth-server.js';
import { serve } from '../../world/serve.js';

async function start() {
  let now = Date.now();
  const auth = createAuth({
    ...BASE,
    publicUrl: 'http://localhost:3000',
    tokenScopes: ({ roles }) => (roles.includes('editor') ? ['reports:write'] : []),
    now: () => now,
  });
  await addUser({ auth }, { username: 'ada', roles: ['editor'] });
  await addUser({ auth }, { username: 'ben' });
  const logged: string[] = [];
  const stream = { write: (line: string) => void logged.push(line) };
  const app = await createApp(auth, { logger: { level: 'error', stream } });
  onTestFinished(() => app.close());
  app.get('/api/broken', () => {
    throw new Error('connect ECONNREFUSED 10.0.0.7:5432');
  });
  app.get('/api/broken-upstream', () => {
    throw Object.assign(new Error('10.0.0.7 answered 404'), { statusCode: 404, code: 'HTTP' });
  });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    ...createClient({ auth, origin, logged }),
    advance: (seconds: number) => void (now += seconds * 1000),
  };
}

/** The same routes in Express. */
async function startExpress({ auth }: Awaited<ReturnType<typeof start>>) {
  const app = express();
  app.get('/api/me', auth.requireAuth(), (_req, res) => res.json({}));
  app.post('/api/reports', auth.requireAuth(), auth.requireScopes('reports:write'));
  app.use(auth.errorHandler({ reasons: false }));
  return createClient({ origin: (await serve(app)).origin });
}

const facts = async (response: Response) => ({
  status: response.status,
  type: response.headers.get('content-type'),
  length: response.headers.get('content-length'),
  challenge: response.headers.get('www-authenticate'),
  cache: response.headers.get('cache-control'),
  body: await response.text(),
});

describe('the Fastify recipe', () => {
  it('knows the caller, by a token of the router in the same server', async () => {
    const server = await start();
    const { get, post } = server;
    const headers = bearer(await server.signIn('ada'));
    expect(await (await get('/api/me', headers)).json()).toMatchObject({ username: 'ada' });
    expect((await post('/api/reports', { title: 'Q3' }, headers)).status).toBe(201);
    expect((await get('/api/auth/me', headers)).status).toBe(200);
    expect((await get('/api/unknown')).status).toBe(404);
  });

  it('refuses as Express does: status, challenge, headers and bytes', async () => {
    const fastify = await start();
    const inExpress = await startExpress(fastify);
    const [ada, ben] = [await fastify.signIn('ada'), await fastify.signIn('ben')];
    const answers = (server: Pick<typeof fastify, 'get' | 'post'>) =>
      Promise.all(
        [
          server.get('/api/me'),
          server.get('/api/me', { authorization: 'Bearer junk' }),
          server.get('/api/me', bearer({ access_token: `${ada.access_token.slice(0, -4)}AAAA` })),
          server.post('/api/reports', {}, bearer(ben)),
        ].map(async (answer) => facts(await answer)),
      );
    const given = await answers(fastify);
    expect(given).toEqual(await answers(inExpress));
    expect(given.map(({ status }) => status)).toEqual([401, 401, 401, 403]);
    fastify.advance(3600);
    const late = await facts(await fastify.get('/api/me', bearer(ada)));
    expect(late).toEqual(await facts(await inExpress.get('/api/me', bearer(ada))));
    expect(JSON.parse(late.body)).toMatchObject({ code: 'TOKEN_EXPIRED' });
  });

  it('refuses before it reads the body', async () => {
    const { origin } = await start();
    const asked = httpRequest(`${origin}/api/reports`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': 1_000_000 },
    });
    onTestFinished(() => void asked.destroy());
    asked.on('error', () => undefined).flushHeaders();
    const status = new Promise((resolve) => asked.on('response', (res) => resolve(res.statusCode)));
    expect(await status).toBe(401);
  });

  it('leaves errors of others to Fastify', async () => {
    const server = await start();
    const response = await fetch(`${server.origin}/api/reports`, {
      method: 'POST',
      headers: { ...bearer(await server.signIn('ada')), 'content-type': 'application/json' },
      body: '{',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ statusCode: 400 });
  });

  it.each([
    { title: 'a database that is down', path: '/api/broken' },
    { title: 'what another service has answered', path: '/api/broken-upstream' },
  ])('logs an accident, and tells clients nothing of it: $title', async ({ path }) => {
    const { get, logged } = await start();
    const response = await get(path);
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ statusCode: 500, error: 'Internal Server Error' });
    expect(logged.join('')).toContain('10.0.0.7');
  });

  it('runs the router’s forms, cookies, pages and limits of size', async () => {
    const { post, origin } = await start();
    const cookie = await post(
      '/api/auth/login',
      { username: 'ada', password: 'plenty of words to sign in with', delivery: 'cookie' },
      { 'sec-fetch-site': 'same-origin' },
    );
    expect(cookie.status).toBe(200);
    expect(cookie.headers.getSetCookie().map((line) => line.split('=')[0])).toEqual([
      'latchkey-device',
      'latchkey-session',
    ]);
    expect(cookie.headers.get('x-request-id')).toMatch(/^[\w-]+$/);
    const form = await fetch(`${origin}/api/auth/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ token: 'none' }),
    });
    expect(form.status).toBe(200);
    const large = { username: 'ada', password: 'x'.repeat(20_000) };
    expect((await post('/api/auth/login', large)).status).toBe(413);
    expect((await fetch(`${origin}/api/auth/login`, { method: 'PUT' })).status).toBe(405);
    expect((await fetch(`${origin}/api/auth/signin`)).headers.get('content-type')).toContain(
      'text/html',
    );
  });
});
