import { once } from 'node:events';
import express from 'express';
import {
  type AuthOptions,
  createAuth,
  createAuthRouter,
  loadConfig,
  memoryStore,
  requireAuth,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addUser, BASE, bearer, createClient, PASSWORD } from './world/auth-server.js';
import { createHttpBrowser } from './world/http-browser.js';
import { serve } from './world/serve.js';

const publicUrl = 'http://localhost:3000';

function create(options: AuthOptions) {
  const auth = createAuth({ ...BASE, publicUrl, ...options });
  onTestFinished(() => auth.close());
  return auth;
}

/** The LatchkeyWarnings that some code causes. */
async function warningsOf(act: () => unknown): Promise<readonly string[]> {
  const warnings: string[] = [];
  const listen = (warning: Error) => void warnings.push(`${warning.name}: ${warning.message}`);
  process.on('warning', listen);
  try {
    await act();
    // Warnings are emitted one after the other, so this one comes last.
    const last = once(process, 'warning');
    process.emitWarning('the end', 'TheEnd');
    await last;
  } finally {
    process.off('warning', listen);
  }
  return warnings.filter((warning) => warning.startsWith('LatchkeyWarning'));
}

describe('a former name of an option', () => {
  it('`cookie` of a guard still opens the route to the session cookie, with a warning that names `sessionCookie`', async () => {
    const auth = create({});
    let guard = auth.requireAuth();
    const warnings = await warningsOf(() => {
      guard = auth.requireAuth({ cookie: true });
    });
    expect(warnings).toEqual([expect.stringContaining('`sessionCookie`')]);
    const app = express();
    app.use('/api/auth', auth.router());
    app.get('/inside', guard, (_req, res) => void res.send('inside'));
    const { origin } = await serve(app);
    await addUser({ auth }, { username: 'alice' });
    const browser = createHttpBrowser();
    await browser.fetch(`${origin}/api/auth/login`, {
      method: 'POST',
      json: { username: 'alice', password: PASSWORD, delivery: 'cookie' },
    });
    expect((await browser.fetch(`${origin}/inside`)).body).toBe('inside');
  });

  it('`scopes` and `claims` of the router still end up in tokens', async () => {
    const auth = create({});
    const app = express();
    const warnings = await warningsOf(() => {
      app.use(
        '/api/auth',
        auth.router({ scopes: () => ['reports:read'], claims: ({ id }) => ({ user_id: id }) }),
      );
    });
    expect(warnings).toEqual([expect.stringContaining('tokenScopes')]);
    app.get('/me', auth.requireAuth(), (req, res) => void res.json(req.auth));
    const { origin } = await serve(app);
    const server = createClient({ auth, origin });
    const { id } = await addUser(server, { username: 'alice' });
    const me = await server.get('/me', bearer(await server.signIn('alice')));
    expect(await me.json()).toMatchObject({ scopes: ['reports:read'], claims: { user_id: id } });
  });

  it.each([
    { former: 'users', current: 'userStore', value: memoryStore().users },
    { former: 'cache', current: 'tokenCache', value: { maxEntries: 10 } },
    { former: 'fetch', current: 'providerFetch', value: fetch },
  ])('`$former` of createAuth() works with a warning that names `$current`', async (option) => {
    const { former, current, value } = option;
    const warnings = await warningsOf(() => create({ [former]: value }));
    expect(warnings).toEqual([expect.stringContaining(`\`${current}\``)]);
    expect(() => create({ [former]: value, [current]: value })).toThrow(TypeError);
  });

  it('`issuers` of createAuth() adds to the trusted issuers, with a warning', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt' });
    let auth = create({});
    const warnings = await warningsOf(() => {
      auth = create({ issuers: issuer.policy });
    });
    expect(warnings).toEqual([expect.stringContaining('`trustedIssuers`')]);
    const headers = { authorization: `Bearer ${await issuer.mint({ sub: 'u' })}` };
    await expect(auth.authenticate({ headers })).resolves.toMatchObject({ subject: 'u' });
  });
});

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

describe('basePath', () => {
  it.each([
    { options: {}, place: '/api/auth/signin?returnTo=%2Finside' },
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
