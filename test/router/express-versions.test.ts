import { createAuth } from 'latchkey';
import { describe, expect, it, vi } from 'vitest';
import { addUser, BASE, bearer, createClient, PASSWORD, SECRET } from '../world/auth-server.js';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

describe.each(expressVersions)('the router under $name', ({ express }) => {
  async function start(mount: string) {
    const auth = createAuth({
      env: {},
      publicUrl: 'http://localhost:3000',
      jwt: { secret: SECRET },
      rateLimit: { max: 10, windowSeconds: 60 },
      onWarning: () => undefined,
    });
    const app = express();
    app.use(mount, auth.router({ sendMail: () => undefined }));
    app.use(auth.errorHandler());
    app.use((_req, res) => res.status(404).send('the application’s own'));
    const { origin } = await serve(app);
    const server = createClient({ auth, origin });
    const { id } = await addUser(server, { roles: ['admin'] });
    return { server, id };
  }

  it.each(['/api/auth', '/api/v1/auth', '/'])('works at %s', async (mount) => {
    const { server, id } = await start(mount);
    const at = (path: string): string => `${mount === '/' ? '' : mount}${path}`;
    const login = await server.post(at('/login'), { username: 'alice', password: PASSWORD });
    expect(login.status).toBe(200);
    const tokens = (await login.json()) as { access_token: string; refresh_token: string };
    const refreshed = await server.post(at('/refresh'), { refresh_token: tokens.refresh_token });
    expect(refreshed.status).toBe(200);
    expect(await (await server.get(at('/me'), bearer(tokens))).json()).toMatchObject({
      subject: id,
    });
    const reset = await fetch(`${server.origin}${at(`/users/${id}/reset-password`)}`, {
      method: 'POST',
      headers: bearer(tokens),
    });
    expect(reset.status).toBe(409);
    expect(await (await server.get(at('/session'), bearer(tokens))).json()).toMatchObject({
      logout_url: expect.stringContaining(`${at('/logout')}?session=`) as string,
    });
  });

  it('refuses with the codes of the error handler, and passes on what it does not know', async () => {
    const { server } = await start('/api/auth');
    const codeOf = async (answer: Promise<Response>) =>
      ((await (await answer).json()) as { code: string }).code;
    expect(await codeOf(server.get('/api/auth/refresh'))).toBe('METHOD_NOT_ALLOWED');
    expect(await codeOf(server.post('/api/auth/login', '{'))).toBe('INVALID_REQUEST');
    expect(
      await codeOf(server.post('/api/auth/login', {}, { origin: 'https://evil.example' })),
    ).toBe('CROSS_SITE_REQUEST');
    expect(await codeOf(server.post('/api/auth/refresh', { refresh_token: 'x' }))).toBe(
      'REFRESH_INVALID',
    );
    expect(await codeOf(server.get('/api/auth/me'))).toBe('CREDENTIALS_MISSING');
    expect(await (await server.get('/api/auth/nothing')).text()).toBe('the application’s own');
    const head = await fetch(`${server.origin}/api/auth/session`, { method: 'HEAD' });
    expect(head.status).toBe(200);
  });

  it.each([
    { title: 'a foreign page', headers: { origin: 'https://evil.example' }, status: 403 },
    {
      title: 'two cookies of one name',
      headers: { cookie: 'latchkey-session=a; latchkey-session=b', 'x-csrf': '1' },
      status: 400,
    },
    { title: 'a body that is no JSON', headers: { 'content-type': 'text/plain' }, status: 415 },
  ])(
    'passes a refusal of $title on, also when it is called after a pause',
    async ({ headers, status }) => {
      const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
      const router = auth.router();
      const app = express();
      app.use('/api/auth', async (req, res, next) => {
        await Promise.resolve();
        router(req, res, next);
      });
      app.use(auth.errorHandler());
      const { origin } = await serve(app);
      const { post } = createClient({ auth, origin });
      expect((await post('/api/auth/refresh', '{}', headers)).status).toBe(status);
    },
  );

  it('limits', async () => {
    const { server } = await start('/api/auth');
    const statuses = [];
    for (let round = 0; round < 11; round += 1)
      statuses.push((await server.post('/api/auth/refresh', {})).status);
    expect(statuses.at(-1)).toBe(429);
  });
});

it('memory as the store of production is worth a warning', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const env = {
    NODE_ENV: 'production',
    AUTH_PUBLIC_URL: 'https://app.example.com',
    AUTH_JWT_SECRET: SECRET,
  };
  createAuth({ env: { ...env, AUTH_STORE_URL: 'memory:' } });
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('memory:'), 'LatchkeyWarning');
  warn.mockRestore();
});
