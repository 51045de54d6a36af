import express, { type Express, type RequestHandler } from 'express';
import {
  type AuthOptions,
  createAuth,
  createAuthRouter,
  loadConfig,
  memoryStore,
  requireAuth,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BASE } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { serve } from '../world/serve.js';

const publicUrl = 'http://localhost:3000';

function create(options: AuthOptions) {
  const auth = createAuth({ ...BASE, publicUrl, ...options });
  onTestFinished(() => auth.close());
  return auth;
}

it.each(['memory:', null, 5])('createAuth({ store: %j }) says what a store is', (store) => {
  expect(() => create({ store: store as never })).toThrow(/store/);
});

describe('createAuth({ config })', () => {
  const env = { AUTH_PUBLIC_URL: publicUrl, AUTH_JWT_SECRET: BASE.jwt.secret };

  it('takes what loadConfig() returned, secrets included', async () => {
    const config = loadConfig({ env });
    const auth = createAuth({ config, tokenScopes: () => ['a'] });
    onTestFinished(() => auth.close());
    expect(auth.config).toBe(config);
    await auth.ready();
    expect(await auth.users.list({ limit: 1 })).toEqual([]);
  });

  it('refuses a copy, which has lost its secrets', () => {
    const config = { ...loadConfig({ env }) };
    expect(() => createAuth({ config })).toThrow(/not a copy/);
  });

  it.each([
    { title: 'a setting', options: { accessTtlSeconds: 60 } },
    { title: 'an environment', options: { env } },
    { title: 'the setting of a store', options: { store: { url: 'memory:' } } },
  ])('refuses $title beside it, since one of the two would be ignored', ({ options }) => {
    const config = loadConfig({ env });
    expect(() => createAuth({ config, ...options })).toThrow(/not both/);
  });

  it('takes a store beside it', () => {
    const store = memoryStore();
    const auth = createAuth({ config: loadConfig({ env }), store });
    onTestFinished(() => auth.close());
    expect(auth.store).toBeDefined();
  });
});

describe('createAuth() of an application that only verifies', () => {
  it('can be spread and listed; only asking for users is a TypeError', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const auth = createAuth({ env: {}, trustedIssuers: [issuer.policy] });
    const copy = { ...auth };
    expect(Object.keys(copy)).toContain('requireAuth');
    expect(Object.keys(copy)).not.toContain('users');
    for (const name of ['users', 'sessions', 'passwords', 'store'] as const)
      expect(() => auth[name]).toThrow(/only verifies/);
    expect(() => auth.router()).toThrow(TypeError);
  });
});

interface MountCase {
  readonly title: string;
  readonly mount: (app: Express, router: RequestHandler) => unknown;
  readonly at: string;
}

describe('basePath', () => {
  it.each([
    { options: { basePath: '/auth' }, place: '/auth/signin?returnTo=%2Finside' },
    { options: { basePath: '/auth/' }, place: '/auth/signin?returnTo=%2Finside' },
    { options: { basePath: '/' }, place: '/signin?returnTo=%2Finside' },
  ])('redirects lead to $place with $options', async ({ options, place }) => {
    const auth = create(options);
    const app = express();
    app.get('/inside', auth.requireAuth({ redirect: true }), (_req, res) => void res.send('in'));
    const { origin } = await serve(app);
    const page = await createHttpBrowser().open(`${origin}/inside`, {
      until: ({ pathname }) => pathname.endsWith('/signin'),
    });
    expect(page.url).toBe(`${origin}${place}`);
  });

  it.each([
    { title: 'on the application', mount: (app, router) => app.use('/auth', router), at: '/auth' },
    {
      title: 'among others, at several paths',
      mount: (app, router) => app.use(['/auth', '/login'], router),
      at: '/auth',
    },
    {
      title: 'on an application inside another',
      mount: (app, router) => app.use('/v1', express().use('/auth', router)),
      at: '/v1/auth',
    },
    {
      title: 'at the usual path',
      mount: (app, router) => app.use('/api/auth', router),
      at: '/api/auth',
    },
    { title: 'at the root', mount: (app, router) => app.use(router), at: '' },
  ] satisfies MountCase[])(
    'redirects find a router that is mounted $title, before any request to it',
    async ({ mount, at }) => {
      const auth = create({});
      const app = express();
      app.get('/inside', auth.requireAuth({ redirect: true }), (_req, res) => void res.send('in'));
      mount(app, auth.router());
      const { origin } = await serve(app);
      const page = await createHttpBrowser().open(`${origin}/inside`, {
        until: ({ pathname }) => pathname.endsWith('/signin'),
      });
      expect(page.url).toBe(`${origin}${at}/signin?returnTo=%2Finside`);
    },
  );

  it('redirects find a router inside an express.Router() once a request has', async () => {
    const auth = create({});
    const app = express();
    app.get('/inside', auth.requireAuth({ redirect: true }), (_req, res) => void res.send('in'));
    app.use('/v1', express.Router().use('/auth', auth.router()));
    const { origin } = await serve(app);
    await fetch(`${origin}/V1/auth/session`);
    const page = await createHttpBrowser().open(`${origin}/inside`);
    expect([page.status, page.url]).toEqual([200, `${origin}/v1/auth/signin?returnTo=%2Finside`]);
  });

  it.each(['auth', '//evil.example', 'https://evil.example', '/a b', '/a?b', '/\\evil.example'])(
    '%j is a TypeError',
    (basePath) => {
      expect(() => create({ basePath })).toThrow(/basePath/);
    },
  );
});

it('createAuthRouter(auth) makes the routes of auth.router()', async () => {
  const auth = create({});
  const app = express().use('/api/auth', createAuthRouter(auth, { sendMail: () => undefined }));
  const { origin } = await serve(app);
  expect((await fetch(`${origin}/api/auth/session`)).status).toBe(200);
});

it.each(['isSessionLive', 'readSession', 'devToken', 'now'])(
  '%s is no option of a guard',
  async (name) => {
    const { verifier } = create({});
    expect(() => requireAuth(verifier, { [name]: undefined })).toThrow(TypeError);
  },
);

describe('a redirect without a router', () => {
  it('is 401, and a warning that names the ways out', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    const auth = create({});
    const app = express();
    const signedIn = auth.requireAuth({ redirect: true });
    app.get('/inside', signedIn, (_req, res) => void res.send('in'));
    const recently = auth.requireAuthContext({ maxAgeSeconds: 1, redirect: true });
    const byCookie = auth.requireAuth({ sessionCookie: true });
    app.get('/strict', byCookie, recently, (_req, res) => void res.send('in'));
    app.use(auth.errorHandler({ html: true }));
    const { origin } = await serve(app);
    const browser = createHttpBrowser();
    const page = await browser.open(`${origin}/inside`);
    expect([page.status, page.url]).toEqual([401, `${origin}/inside`]);
    expect(page.body).toContain('<h1>');
    expect((await browser.open(`${origin}/inside`)).status).toBe(401);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/auth\.router\(\).*basePath.*redirect: '/), 'LatchkeyWarning'],
    ]);
    const user = await auth.users.create({ username: 'alice' });
    const notes = { amr: ['pwd'], authTime: 1, acr: undefined, device: undefined };
    const { refreshToken } = await auth.sessions.start(user, { ...notes, delivery: 'cookie' });
    browser.setCookie(new URL(origin).hostname, 'latchkey-session', refreshToken);
    const strict = await browser.open(`${origin}/strict`);
    expect([strict.status, strict.url]).toEqual([401, `${origin}/strict`]);
    expect((await browser.open(`${origin}/inside`)).status).toBe(200);
  });

  it('is a TypeError where the guard could not take the session of one either', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const verifying = createAuth({ env: {}, trustedIssuers: [issuer.policy] });
    expect(() => verifying.requireAuth({ redirect: true })).toThrow(/auth\.router\(\)/);
    expect(() => requireAuth(verifying.verifier, { redirect: true })).toThrow(/auth\.router\(\)/);
    expect(() => create({}).requireAuth({ redirect: true, sessionCookie: false })).toThrow(
      /sessionCookie/,
    );
    verifying.requireAuth({ redirect: '/login' });
  });
});
