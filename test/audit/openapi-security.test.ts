import { readFile } from 'node:fs/promises';
import vm from 'node:vm';
import createApp, { type Express } from 'express';
import { createAuth } from 'latchkey';
import { afterAll, describe, expect, it } from 'vitest';
import { BASE } from '../world/auth-server.js';
import { openapiValidator } from '../world/described-api.js';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000', acceptApiKeys: true });
afterAll(() => auth.close());

const handler = (_req: unknown, res: { end(): void }): void => res.end();

const bearerOrKey = (scopes: readonly string[] = []) => [{ bearer: scopes }, { apiKey: scopes }];

describe.each(expressVersions)('$name', ({ name, express }) => {
  const isFour = name === 'Express 4';

  it.each([
    { title: 'no guard', guards: [], operation: { security: [] } },
    {
      title: 'requireAuth()',
      guards: [auth.requireAuth()],
      operation: { security: bearerOrKey() },
    },
    {
      title: 'optionalAuth()',
      guards: [auth.optionalAuth({ methods: ['jwt'] })],
      operation: { security: [{}, { bearer: [] }] },
    },
    {
      title: 'a scope behind optionalAuth()',
      guards: [auth.optionalAuth({ methods: ['jwt'] }), auth.requireScopes('orders:read')],
      operation: { security: [{ bearer: ['orders:read'] }] },
    },
    {
      title: 'the session cookie',
      guards: [auth.requireAuth({ sessionCookie: true, methods: ['session'] })],
      operation: { security: [{ cookie: [] }] },
    },
    {
      title: 'bound tokens only',
      guards: [auth.requireAuth({ dpop: 'required' })],
      operation: { security: [{ dpop: [] }] },
    },
    {
      title: 'bound tokens as well',
      guards: [auth.requireAuth({ dpop: 'accepted', methods: ['jwt'] })],
      operation: { security: [{ bearer: [] }, { dpop: [] }] },
    },
    {
      title: 'two guards that take different credentials',
      guards: [auth.requireAuth(), auth.requireAuth({ methods: ['api_key'] })],
      operation: { security: [{ apiKey: [] }] },
    },
    {
      title: 'two guards that let no request through together',
      guards: [auth.requireAuth({ methods: ['jwt'] }), auth.requireAuth({ methods: ['api_key'] })],
      operation: { security: [{ bearer: [] }] },
    },
    {
      title: 'a scope guard alone, which refuses every request',
      guards: [auth.requireScopes('orders:read')],
      operation: { security: [{ bearer: ['orders:read'] }] },
    },
    {
      title: 'all of several scopes',
      guards: [auth.requireAuth(), auth.requireScopes('a', 'b'), auth.requireScopes('b', 'c')],
      operation: { security: bearerOrKey(['a', 'b', 'c']) },
    },
    {
      title: 'one of several scopes, and another one',
      guards: [
        auth.requireAuth({ methods: ['jwt'] }),
        auth.requireAnyScope('a', 'b'),
        auth.requireScopes('c'),
      ],
      operation: { security: [{ bearer: ['a', 'c'] }, { bearer: ['b', 'c'] }] },
    },
    {
      title: 'one of several scopes, of which a later guard demands one',
      guards: [
        auth.requireAuth({ methods: ['jwt'] }),
        auth.requireAnyScope('a', 'b'),
        auth.requireScopes('a'),
      ],
      operation: { security: [{ bearer: ['a'] }] },
    },
    {
      title: 'one of several roles',
      guards: [auth.requireAuth(), auth.requireRoles('admin', 'owner', { match: 'any' })],
      operation: { security: bearerOrKey(), 'x-roles': [['admin'], ['owner']] },
    },
    {
      title: 'roles and scopes in the organisation',
      guards: [
        auth.requireAuth(),
        auth.orgContext(),
        auth.requireRoles('owner', 'billing', { of: 'org' }),
        auth.requireScopes('invoices:read', { of: 'org' }),
      ],
      operation: {
        security: bearerOrKey(),
        'x-org-roles': [['owner', 'billing']],
        'x-org-scopes': [['invoices:read']],
      },
    },
  ])('$title', ({ guards, operation }) => {
    const app = express();
    app.get('/orders/:id', ...guards, handler);
    expect(auth.openapiSecurity(app).paths).toEqual({ '/orders/{id}': { get: operation } });
  });

  it.each([
    { path: '/', spelt: ['/'] },
    { path: '/orders', spelt: ['/orders'] },
    { path: '/flights/:from-:to', spelt: ['/flights/{from}-{to}'] },
    { path: isFour ? '/orders/:id?' : '/orders{/:id}', spelt: ['/orders', '/orders/{id}'] },
    {
      path: isFour ? '/files/:name.:ext?' : '/files/:name{.:ext}',
      spelt: ['/files/{name}', '/files/{name}.{ext}'],
    },
    { path: isFour ? '/orders/:id(\\d+)' : '/orders/:id', spelt: ['/orders/{id}'] },
    { path: isFour ? '/files/*' : '/files/*rest', spelt: [] },
    { path: /^\/v\d+$/, spelt: [] },
  ])('$path is spelt $spelt', ({ path, spelt }) => {
    const app = express();
    app.get(path, auth.requireAuth(), handler);
    const { paths, leftOut } = auth.openapiSecurity(app);
    expect(Object.keys(paths)).toEqual(spelt);
    expect(leftOut.map(({ reason }) => reason)).toEqual(spelt.length === 0 ? ['pattern'] : []);
  });

  it('a handler of all methods stands for those that no other route of the path names', () => {
    const app = express();
    app.get('/orders', handler);
    app.route('/orders').all(auth.requireAuth({ methods: ['jwt'] }), handler);
    const { paths } = auth.openapiSecurity(app);
    const { get, ...others } = paths['/orders'] ?? {};
    expect(get).toEqual({ security: [] });
    const names = ['put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
    expect(others).toEqual(
      Object.fromEntries(names.map((method) => [method, { security: [{ bearer: [] }] }])),
    );
  });

  it('the first of two handlers of one method counts, and paths that differ in names of parameters are one', () => {
    const app = express();
    app.get('/orders/:id', auth.requireAuth({ methods: ['jwt'] }), handler);
    app.get('/orders/:id', handler);
    app.delete('/orders/:order', handler);
    expect(auth.openapiSecurity(app).paths).toEqual({
      '/orders/{id}': { get: { security: [{ bearer: [] }] }, delete: { security: [] } },
    });
  });

  it('tells which routes it leaves out, and why', () => {
    const app = express();
    app.use('/auth', auth.router());
    app.purge('/cache', handler);
    app.use('/files', handler);
    expect(auth.openapiSecurity(app)).toEqual({
      components: { securitySchemes: {} },
      paths: {},
      leftOut: [
        { method: 'PURGE', path: '/cache', reason: 'method' },
        { method: 'ALL', path: '/auth/*', reason: 'auth_router' },
        { method: 'ALL', path: '/files/*', reason: 'pattern' },
      ],
    });
  });

  it('describes the schemes that the routes use, as a document that a validator accepts', async () => {
    const app = express();
    useEveryScheme(app);
    const { components, paths } = auth.openapiSecurity(app);
    expect(components.securitySchemes).toMatchObject({
      bearer: { type: 'http', scheme: 'bearer' },
      dpop: { type: 'http', scheme: 'DPoP' },
      cookie: { type: 'apiKey', in: 'cookie', name: 'latchkey-session' },
      apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
    });
    const info = { title: 'Orders', version: '1' };
    const document = { openapi: '3.1.1', info, components, paths };
    expect(await openapiValidator.validate(document)).toEqual({ valid: true });
  });
});

function useEveryScheme(app: Express): void {
  const dpop = 'accepted';
  app.get('/orders/:id', auth.requireAuth({ sessionCookie: true, dpop }), handler);
  app.get('/', auth.optionalAuth(), handler);
  app.get('/health', handler);
}

it('over https the session cookie has the name that browsers keep for one host', () => {
  const secure = createAuth({ ...BASE, publicUrl: 'https://example.com', cookieName: 'shop' });
  const app = createApp();
  app.get('/', secure.requireAuth({ sessionCookie: true }), handler);
  const { cookie } = secure.openapiSecurity(app).components.securitySchemes;
  expect(cookie).toMatchObject({ name: '__Host-shop-session' });
  return secure.close();
});

it("the README's example merges it into a document, whose other parts stay", async () => {
  const readme = await readFile('lib/audit/README.md', 'utf8');
  const [, code = ''] = /```ts\nimport \{ readFile \}[^\n]*\n(.*?)```/s.exec(readme) ?? [];
  const operation = { operationId: 'findOrder', responses: {} };
  const given = {
    openapi: '3.1.1',
    info: { title: 'Orders', version: '1' },
    components: { schemas: { Order: {} }, securitySchemes: { partner: { type: 'mutualTLS' } } },
    paths: { '/orders/{id}': { get: operation }, '/elsewhere': { get: operation } },
  };
  const app = createApp();
  app.get('/orders/:id', auth.requireAuth({ methods: ['jwt'] }), handler);
  app.delete('/orders/:id', auth.requireAuth({ methods: ['jwt'] }), handler);
  await run(code, { app, auth, readFile: async () => JSON.stringify(given) });
  const { origin } = await serve(app);
  const merged: unknown = await (await fetch(`${origin}/openapi.json`)).json();
  const { securitySchemes } = auth.openapiSecurity(app).components;
  expect(merged).toEqual({
    ...given,
    components: {
      schemas: { Order: {} },
      securitySchemes: { partner: { type: 'mutualTLS' }, ...securitySchemes },
    },
    paths: {
      '/orders/{id}': { get: { ...operation, security: [{ bearer: [] }] } },
      '/elsewhere': { get: operation },
    },
  });
});

/** Runs code that awaits, with these names. */
async function run(code: string, names: Readonly<Record<string, unknown>>): Promise<void> {
  await vm.runInNewContext(`(async () => { ${code} })()`, { ...names });
}

it('anything but an application is a TypeError', () => {
  expect(() => auth.openapiSecurity({})).toThrow(TypeError);
});
