import { type AuthOptions, type AuthRouterOptions, createAuth, principalOf } from 'latchkey';
import type { RequestHandler } from 'express';
import helmet from 'helmet';
import { describe, expect, it, onTestFinished } from 'vitest';
import { examine } from '../../lib/doctor/examine.js';
import { allChecks } from '../../lib/doctor/all-checks.js';
import type { ForwardedSample } from '../../lib/doctor/check.js';
import { type CreatedAuth, onCreated } from '../../lib/doctor/created.js';
import type { Finding } from '../../lib/doctor/finding.js';
import { expressVersions } from '../world/express-versions.js';
import { flawsIn, HEALTHY, TODAY } from './inspect.js';

type Auth = ReturnType<typeof createAuth>;
const me: RequestHandler = (req, res) => void res.json(principalOf(req).user);
const sendMail = () => undefined;

interface Given {
  readonly options?: AuthOptions;
  readonly router?: AuthRouterOptions;
  readonly env?: Readonly<Record<string, string>>;
  readonly forwarded?: ForwardedSample;
}

/** What doctor finds of an application, which `build` puts together. */
function findingsOf(
  build: (auth: Auth) => unknown,
  { options, env: more, forwarded }: Given = {},
): readonly Finding[] {
  const env = { ...HEALTHY, AUTH_STORE_URL: 'file:./never-opened.db', ...more };
  const auths: CreatedAuth[] = [];
  onTestFinished(onCreated((created) => auths.push(created)));
  const auth = createAuth({ env, ...options });
  onTestFinished(() => auth.close());
  const application = { apps: [build(auth)], auths, forwarded };
  const [created] = auths;
  const settings = created && {
    config: created.config,
    origins: created.origins,
    hasOwnStore: created.hasOwnStore,
  };
  return examine(allChecks, { env, today: TODAY, settings, problems: [], application });
}

describe.each(expressVersions)('$name', ({ express }) => {
  it('nothing is found in a healthy application, wherever its parts are mounted', () => {
    const findings = findingsOf(
      (auth) => {
        const api = express.Router();
        api.get('/me', auth.requireAuth(), me);
        const inner = express();
        inner.use('/auth', auth.router({ sendMail }));
        inner.use('/v1', api);
        const app = express();
        app.set('trust proxy', 1);
        // Load balancers ask, and need no headers.
        app.get('/live', (_req, res) => void res.json({}));
        app.use(auth.securityHeaders());
        app.use('/api', inner);
        app.use(auth.errorHandler());
        return app;
      },
      { options: { basePath: '/outside/api/auth' } },
    );
    expect(flawsIn(findings)).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining([
        'routes',
        'error_handler',
        'security_headers',
        'auth_router',
        'mail',
      ]),
    );
  });

  it('praises no error handler that is mounted before the routes', () => {
    const findings = findingsOf((auth) =>
      express().use(auth.errorHandler()).get('/me', auth.requireAuth(), me),
    );
    expect(findings.map(({ check }) => check)).not.toContain('error_handler');
  });

  it.each<{ title: string; build: (auth: Auth) => unknown; flaws: readonly string[] }>([
    {
      title: 'no error handler and no headers',
      build: (auth) => express().get('/me', auth.requireAuth(), me),
      flaws: ['warn error_handler', 'warn security_headers'],
    },
    {
      title: 'headers behind the first route',
      build: (auth) =>
        express()
          .get('/me', auth.requireAuth(), me)
          .use(auth.securityHeaders())
          .get('/you', auth.requireAuth(), me)
          .use(auth.errorHandler()),
      flaws: ['warn security_headers'],
    },
    {
      title: 'an error handler before the routes',
      build: (auth) =>
        express()
          .use(auth.securityHeaders(), auth.errorHandler())
          .get('/me', auth.requireAuth(), me),
      flaws: ['warn routes'],
    },
    {
      title: 'guards too late and in a wrong order',
      build: (auth) =>
        express()
          .use(auth.securityHeaders())
          .get('/a', me)
          .get('/b', auth.requireScopes('b'), auth.requireAuth(), me)
          .use(auth.requireAuth())
          .use(auth.errorHandler()),
      flaws: ['fail routes', 'fail routes'],
    },
    {
      title: 'a change without a guard',
      build: () => express().delete('/everything', me),
      flaws: ['warn unguarded_changes'],
    },
    {
      title: 'every address trusted',
      build: () => express().set('trust proxy', true),
      flaws: ['fail trust_proxy'],
    },
    {
      title: 'every address trusted, by a function',
      build: () => express().set('trust proxy', () => true),
      flaws: ['fail trust_proxy'],
    },
    {
      title: 'a router that is made and not mounted',
      build: (auth) => {
        auth.router({ sendMail });
        return express().get('/', me);
      },
      flaws: ['fail auth_router'],
    },
    {
      title: 'passwords without mail',
      build: (auth) =>
        express().use(auth.securityHeaders()).use('/auth', auth.router()).use(auth.errorHandler()),
      flaws: ['warn mail'],
    },
    {
      title: 'a router by a pattern',
      build: (auth) =>
        express()
          .use(auth.securityHeaders())
          .use('/:tenant/auth', auth.router({ sendMail }))
          .use(auth.errorHandler()),
      flaws: ['warn auth_router'],
    },
  ])('finds $title', ({ build, flaws }) => {
    expect(flawsIn(findingsOf(build))).toEqual(flaws);
  });

  it('finds a router that is elsewhere than its links', () => {
    const findings = findingsOf(
      (auth) =>
        express()
          .use(auth.securityHeaders())
          .use('/api/auth', auth.router({ sendMail }))
          .use(auth.errorHandler()),
      { options: { basePath: '/auth' } },
    );
    expect(flawsIn(findings)).toEqual(['warn auth_router']);
  });

  const routerAt = (auth: Auth, mount: (router: RequestHandler) => RequestHandler) =>
    express()
      .use(auth.securityHeaders())
      .use(mount(auth.router({ sendMail })))
      .use(auth.errorHandler());

  it.each([
    { mount: '/x/api/auth', options: { basePath: '/api/auth' }, flaws: ['warn auth_router'] },
    { mount: '/api/auth', options: { basePath: '/x/api/auth' }, flaws: [] },
    { mount: '/api/auth', options: { basePath: '/x/auth' }, flaws: ['warn auth_router'] },
    { mount: '/app/api/auth', options: { basePath: '/api/auth' }, below: '/app', flaws: [] },
    { mount: '/api/auth', options: { basePath: '/api/auth' }, below: '/app', flaws: [] },
    { mount: '/api/auth', options: {}, below: '/app', flaws: [] },
  ])('links of a router at $mount, with $options below $below, are judged: $flaws', (given) => {
    const { mount, options, below = '', flaws } = given;
    const env = { AUTH_PUBLIC_URL: `${HEALTHY.AUTH_PUBLIC_URL}${below}` };
    const build = (auth: Auth) => routerAt(auth, (router) => express().use(mount, router));
    expect(flawsIn(findingsOf(build, { options, env }))).toEqual(flaws);
  });

  it.each([
    { mount: '/v1/auth', options: {}, flaws: ['warn auth_router'] },
    { mount: '/x/api/auth', options: {}, flaws: ['warn auth_router'] },
    { mount: '/v1/auth', options: { basePath: '/v1/auth' }, flaws: [] },
    { mount: '/api/auth', options: {}, flaws: [] },
  ])(
    'links of a router inside an express.Router(), at $mount with $options, are judged: $flaws',
    ({ mount, options, flaws }) => {
      const build = (auth: Auth) => routerAt(auth, (router) => express.Router().use(mount, router));
      expect(flawsIn(findingsOf(build, { options }))).toEqual(flaws);
    },
  );

  it.each<{ title: string; build: (auth: Auth) => unknown; env?: Record<string, string> }>([
    {
      title: "helmet and the application's own error handler",
      build: (auth) => {
        const app = express().use(helmet()).get('/me', auth.requireAuth(), me);
        // oxlint-disable-next-line max-params
        app.use((_error: unknown, _req: unknown, res: { end(): void }, _next: unknown) =>
          res.end(),
        );
        return app;
      },
    },
    {
      title: 'headers that a proxy sets',
      env: { AUTH_SECURITY_HEADERS: 'off' },
      build: (auth) =>
        express()
          .use(auth.securityHeaders())
          .get('/me', auth.requireAuth(), me)
          .use(auth.errorHandler()),
    },
    {
      title: 'networks of proxies',
      build: () => express().set('trust proxy', 'loopback, uniquelocal'),
      env: { DYNO: 'web.1' },
    },
    { title: 'pages for everybody', build: () => express().get('/', me) },
  ])('finds nothing wrong with $title', ({ build, env }) => {
    const findings = findingsOf(build, env && { env });
    expect(flawsIn(findings).filter((flaw) => flaw !== 'warn store')).toEqual([]);
  });

  it('finds a platform with a proxy that Express is not told of', () => {
    const flaws = flawsIn(findingsOf(() => express(), { env: { FLY_APP_NAME: 'app' } }));
    expect(flaws).toEqual(['warn trust_proxy']);
  });

  const sample = { header: '203.0.113.9, 10.0.0.2', remote: '10.0.0.3' };
  it.each([
    { setting: 2, forwarded: sample, outcome: 'pass', says: '203.0.113.9' },
    { setting: 'uniquelocal', forwarded: sample, outcome: 'pass', says: '203.0.113.9' },
    { setting: 1, forwarded: sample, outcome: 'fail', says: '10.0.0.2' },
    { setting: false, forwarded: sample, outcome: 'fail', says: '10.0.0.3' },
    { setting: 3, forwarded: sample, outcome: 'fail', says: 'choose' },
    { setting: 1, forwarded: { ...sample, header: '10.9.9.9' }, outcome: 'pass', says: '10.9.9.9' },
    {
      setting: 2,
      forwarded: { header: '[2001:db8::1]:4711, fd00::2', remote: '::ffff:10.0.0.1' },
      outcome: 'pass',
      says: '2001:db8::1',
    },
    {
      setting: 1,
      forwarded: { header: '6.6.6.6, 203.0.113.9', remote: '10.0.0.3' },
      outcome: 'pass',
      says: '203.0.113.9',
    },
  ])(
    'with trust proxy $setting and $forwarded.header from $forwarded.remote, it says $outcome: $says',
    ({ setting, forwarded, outcome, says }) => {
      const findings = findingsOf(() => express().set('trust proxy', setting), { forwarded });
      const found = findings.find(({ check }) => check === 'forwarded_for');
      expect(found).toMatchObject({ outcome, says: expect.stringContaining(says) });
    },
  );
});
