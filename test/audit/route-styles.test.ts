import { createAuth, type AuditedRoute } from 'latchkey';
import session from 'express-session';
import { afterAll, describe, expect, it } from 'vitest';
import { BASE } from '../world/auth-server.js';
import { expressVersions } from '../world/express-versions.js';

const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000', cookieSessions: true });
afterAll(() => auth.close());

/** Routes by method and path, in one word each. */
const inShort = (routes: readonly AuditedRoute[]): Record<string, string> =>
  Object.fromEntries(
    routes.map(({ method, path, protection, findings }) => [
      `${method} ${path}`,
      [protection, ...findings].join(' '),
    ]),
  );

const handler = (_req: unknown, res: { end(): void }): void => res.end();
const passing = (_req: unknown, _res: unknown, next: () => void): void => next();

describe.each(expressVersions)('$name', ({ name, express }) => {
  const isFour = name === 'Express 4';

  it('lists nested routers with their parameters', () => {
    const app = express();
    const comments = express.Router({ mergeParams: true });
    comments.get('/', auth.optionalAuth(), handler);
    comments.delete('/:id', auth.requireAuth(), handler);
    const articles = express.Router();
    articles.get('/feed', auth.requireAuth(), handler);
    articles.get('/:slug', handler);
    articles.use('/:slug/comments', comments);
    const api = express.Router();
    api.use('/articles', articles).use('/tags', express.Router().get('/', handler));
    app.use(express.json());
    app.use('/api', api);
    expect(inShort(auth.routes(app))).toEqual({
      'GET /api/articles/feed': 'guarded',
      'GET /api/articles/:slug': 'none unguarded',
      'GET /api/articles/:slug/comments': 'open',
      'DELETE /api/articles/:slug/comments/:id': 'guarded',
      'GET /api/tags': 'none unguarded',
    });
  });

  it('follows arrays of middlewares and app.route().all()', () => {
    const app = express();
    const manage = [passing, auth.requireScopes('users:write')];
    const users = express.Router();
    users
      .route('/')
      .post([auth.requireAuth(), ...manage], handler)
      .get(auth.requireAuth(), handler);
    users.route('/open').all(handler);
    app.all('/health', passing, handler);
    users.route('/:userId').all(auth.requireAuth()).get(handler).patch(manage, handler);
    app.use(['/v1/users', '/v2/users'], [passing, users]);
    const routes = auth.routes(app);
    expect(inShort(routes)).toEqual(
      Object.fromEntries([
        ['ALL /health', 'none unguarded'],
        ...['/v1/users', '/v2/users'].flatMap((at) => [
          [`POST ${at}`, 'guarded'],
          [`GET ${at}`, 'guarded'],
          [`GET ${at}/:userId`, 'guarded'],
          [`PATCH ${at}/:userId`, 'guarded'],
          [`ALL ${at}/open`, 'none unguarded'],
        ]),
      ]),
    );
    expect(routes.find(({ method }) => method === 'POST')).toMatchObject({
      guards: [{ kind: 'requireAuth' }, { kind: 'requireScopes', scopes: ['users:write'] }],
      scopes: ['users:write'],
      csrf: 'covered',
      org: false,
    });
  });

  it('looks into mounted applications without running their code, in the style of a versioned API', () => {
    const app = express();
    let calls = 0;
    const count = (_req: unknown, _res: unknown, next: () => void): void => {
      calls += 1;
      next();
    };
    const admin = express();
    admin.use(count, auth.requireAuth(), auth.requireRoles('admin', 'owner', { match: 'any' }));
    admin.get('/users', handler);
    const reports = express();
    reports.use(count);
    reports.get('/daily', handler);
    // oxlint-disable-next-line max-params
    reports.use((error: unknown, _req: unknown, _res: unknown, next: (error: unknown) => void) => {
      calls += 1;
      next(error);
    });
    admin.use('/reports', reports);
    app.use('/admin', admin);
    app.use('/reports', reports);
    const routes = auth.routes(app);
    expect(inShort(routes)).toEqual({
      'GET /admin/users': 'guarded',
      'GET /admin/reports/daily': 'guarded',
      'GET /reports/daily': 'none unguarded',
    });
    expect(routes[0]).toMatchObject({ roles: ['admin', 'owner'] });
    expect(calls).toBe(0);
  });

  it.each([
    ['an application', () => express()],
    ['a router', () => express.Router()],
  ])('lists the auth router in %s as one line', (_title, create) => {
    const outer = express();
    const inner = create();
    inner.use('/auth', auth.router());
    inner.get('/me', auth.requireAuth(), handler);
    outer.use('/api', inner);
    expect(inShort(auth.routes(outer))).toEqual({
      'ALL /api/auth/*': 'auth_router',
      'GET /api/me': 'guarded',
    });
  });

  it('takes a guard at a path for what is below it, and nothing else', () => {
    const app = express();
    app.use('/api', auth.requireAuth());
    app.all(isFour ? '/files/*' : '/files/*rest', auth.requireAuth());
    app.use('/orgs/:org', auth.requireAuth(), auth.orgContext({ param: 'org' }));
    for (const path of ['/api', '/API/x', '/apis', '/:any', '/files', '/files/a', '/orgs/:id/x'])
      app.get(path, handler);
    app.use('/down', handler);
    app.use(handler);
    expect(inShort(auth.routes(app))).toEqual({
      'GET /api': 'guarded',
      'GET /API/x': 'guarded',
      'GET /apis': 'none unguarded',
      'GET /:any': 'none unguarded',
      'GET /files': 'none unguarded',
      'GET /files/a': 'guarded',
      'GET /orgs/:id/x': 'guarded',
      'ALL /down/*': 'none unguarded',
    });
  });

  it('shows regular expressions, and assumes no guard at one', () => {
    const app = express();
    app.use(/^\/secret/, auth.requireAuth());
    app.get(/^\/secret-(\d+)$/, handler);
    app.get('/secret', handler);
    expect(inShort(auth.routes(app))).toEqual({
      [String.raw`GET /(^\/secret-(\d+)$)`]: 'none unguarded',
      'GET /secret': 'none unguarded',
    });
  });

  it('takes a guard of a route for HEAD as well, unless HEAD has handlers of its own there', () => {
    const app = express();
    app.get('/a', auth.requireAuth(), auth.requireScopes('s'));
    app.route('/a').get(handler).head(handler);
    const both = [auth.requireAuth(), auth.requireScopes('s')];
    app.route('/b').get(both).head(both, passing);
    app.get('/b', handler);
    app.route('/c').head(passing).get(auth.requireAuth());
    app.get('/c', handler);
    const routes = auth.routes(app);
    expect(inShort(routes)).toEqual({
      'GET /a': 'guarded',
      'HEAD /a': 'guarded',
      'HEAD /b': 'guarded',
      'GET /b': 'guarded',
      'HEAD /c': 'none unguarded',
      'GET /c': 'none unguarded',
    });
  });

  it('finds guards in a wrong order', () => {
    const app = express();
    app.get('/early-scope', auth.requireScopes('a'), auth.requireAuth(), handler);
    app.get('/early-org', auth.requireAuth(), auth.requireScopes('a', { of: 'org' }), handler);
    app.get('/late-org', auth.requireAuth(), handler, auth.orgContext());
    app.get('/late', handler, auth.requireAuth());
    app.get('/before', handler);
    app.get('/right', auth.requireAuth(), auth.orgContext(), passing, handler);
    app.use(auth.requireAuth());
    app.get('/after', handler);
    expect(inShort(auth.routes(app))).toEqual({
      'GET /early-scope': 'guarded guard_before_auth',
      'GET /early-org': 'guarded guard_before_org',
      'GET /late-org': 'guarded guard_after_handler',
      'GET /late': 'none unguarded guard_after_handler',
      // The guard behind it divides what is public from what is not.
      'GET /before': 'none unguarded',
      'GET /right': 'guarded',
      'GET /after': 'guarded',
    });
  });

  it('finds a guard that is mounted behind all that it could be for', () => {
    const app = express();
    app.get('/a', handler);
    app.use('/b', express.Router().get('/c', handler));
    app.use('/b', auth.requireAuth());
    expect(inShort(auth.routes(app))).toEqual({
      'GET /a': 'none unguarded',
      'GET /b/c': 'none guard_after_route',
    });
    app.use(auth.requireAuth(), handler).use(auth.errorHandler());
    expect(auth.routes(app).map(({ findings }) => findings)).toEqual(
      [1, 2].map(() => ['guard_after_route']),
    );
    // Something that answers by itself may be what it is for, such as static files.
    app.use(passing);
    expect(auth.routes(app).map(({ findings }) => findings)).toEqual(
      [1, 2].map(() => ['unguarded']),
    );
  });

  it('finds an error handler before the routes, unless another one follows', () => {
    const app = express();
    app.use(auth.errorHandler());
    app.get('/', auth.requireAuth(), handler);
    expect(inShort(auth.routes(app))).toEqual({ 'GET /': 'guarded error_handler_before_route' });
    app.use(auth.errorHandler());
    expect(inShort(auth.routes(app))).toEqual({ 'GET /': 'guarded' });
  });

  it('finds unsafe methods behind the cookie session of another package', () => {
    const app = express();
    app.use(session({ secret: 'a'.repeat(32), resave: false, saveUninitialized: false }));
    app.get('/cart', handler).post('/cart', handler);
    app.post('/covered', auth.sameOrigin(), handler);
    app.post('/of-caller', auth.requireAuth(), handler);
    app.post('/of-anyone', auth.optionalAuth(), handler);
    const routes = auth.routes(app);
    expect(routes.map(({ csrf }) => csrf)).toEqual([
      'not_needed',
      'missing',
      'covered',
      'covered',
      'missing',
    ]);
    expect(routes[1]?.findings).toEqual(['unguarded', 'csrf_uncovered']);
  });

  it('takes the guards of a route for later ones at its path, and answers to OPTIONS for public', () => {
    const app = express();
    const [preflight, all] = isFour ? ['*', '/a/*'] : ['/{*any}', '/a/*any'];
    app.options(preflight, passing);
    app.all(['/a', all], [auth.requireAuth(), passing]);
    app.use('/a', express.Router().get('/b', handler));
    app.get('/c', passing, auth.requireAuth());
    app.get('/c', handler);
    app.get('/c/:id', handler);
    app.get('/c/:any', auth.requireAuth(), handler);
    app.all('/d', passing, handler);
    expect(inShort(auth.routes(app))).toEqual({
      [isFour ? 'OPTIONS /*' : 'OPTIONS /{*any}']: 'none',
      'ALL /a': 'guarded',
      [`ALL ${all}`]: 'guarded',
      'GET /a/b': 'guarded',
      // What stands before the guard may go on to the next route.
      'GET /c': 'none unguarded',
      'GET /c/:id': 'none unguarded',
      'GET /c/:any': 'guarded',
      'ALL /d': 'none unguarded',
    });
  });

  it('lists nothing of an application without routes', () => {
    expect(auth.routes(express())).toEqual([]);
  });
});

it('writes ? for a path that an older router of Express 5 does not tell', () => {
  const [{ express } = { express: undefined }] = expressVersions;
  const app = express?.();
  const api = express?.Router();
  api?.use(auth.requireAuth()).get('/users', handler);
  app?.use('/api', api ?? passing);
  app?.use('/admin', auth.requireAuth());
  app?.use('/open', handler);
  forgetPaths(app);
  expect(inShort(auth.routes(app))).toEqual({
    'GET /?/users': 'guarded',
    'ALL /?/*': 'none unguarded',
  });
});

it('takes an application that an older router of Express 5 has at several paths for one at any', () => {
  const [{ express } = { express: undefined }] = expressVersions;
  const app = express?.();
  const once = express?.().get('/x', handler);
  const twice = express?.().get('/x', handler);
  app?.all(['/once/x', '/b/x'], auth.requireAuth());
  app?.use('/once', once ?? passing);
  app?.use('/a', twice ?? passing).use('/b', twice ?? passing);
  forgetPaths(app);
  const open = auth.routes(app).filter(({ protection }) => protection === 'none');
  expect(open.map(({ path }) => path)).toEqual(['/?/x', '/?/x']);
});

/** Until version 2.3 layers of `router` had no such property. */
function forgetPaths(app: unknown): void {
  const { router } = app as { readonly router: { readonly stack: { rawPath?: unknown }[] } };
  for (const layer of router.stack) delete layer.rawPath;
}

it.each([undefined, null, {}, () => undefined, 'app.js'])('refuses %s', (app) => {
  expect(() => auth.routes(app)).toThrow(TypeError);
});
