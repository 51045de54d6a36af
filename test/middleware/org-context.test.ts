import { connect } from 'node:net';
import { once } from 'node:events';
import {
  AuthError,
  createVerifier,
  errorHandler,
  orgContext,
  type OrgContextOptions,
  type OrgResolver,
  requireAuth,
  requireRoles,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createEventLog } from '../world/event-log.js';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

const twoOrgs = [
  { id: 'acme', roles: ['admin'] },
  { id: 'globex', roles: ['viewer'], default: true },
];

describe.each(expressVersions)('orgContext on $name', ({ express }) => {
  async function createWorld(options: OrgContextOptions = {}) {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: { ...issuer.policy, allowedOrgs: 'any' } });
    const events = createEventLog();
    const app = express();
    const guards = [requireAuth(verifier), orgContext({ events, ...options })];
    const answer = express.Router({ mergeParams: true }).get('/', (req, res) => {
      const { org } = req;
      res.json({
        org: org && { ...org, isFrozen: Object.isFrozen(org) && Object.isFrozen(org.roles) },
      });
    });
    app.use('/data', guards, answer);
    app.use('/orgs/:orgId', guards, answer);
    app.get('/unguarded', orgContext(options), (_req, res) => void res.json({}));
    app.use(errorHandler({ events }));
    const { origin } = await serve(app);
    const get = async (
      claims: Record<string, unknown>,
      headers: Record<string, string> = {},
      path = '/data',
    ) => {
      const Authorization = `Bearer ${await issuer.mint(claims)}`;
      const response = await fetch(origin + path, { headers: { Authorization, ...headers } });
      const { org, code } = (await response.json()) as { org?: unknown; code?: string };
      return { outcome: code ?? org, vary: response.headers.get('vary'), status: response.status };
    };
    return { get, events, origin, issuer };
  }

  it.each([
    {
      title: 'the header names',
      orgs: twoOrgs,
      org: 'acme',
      outcome: { id: 'acme', roles: ['admin'], source: 'header' },
    },
    { title: 'the only one', orgs: ['acme'], outcome: { id: 'acme', roles: [], source: 'claim' } },
    { title: 'a single text', orgs: 'acme', outcome: { id: 'acme', source: 'claim' } },
    {
      title: 'an object by id',
      orgs: { acme: { roles: ['a'] }, b: ['c'] },
      org: 'b',
      outcome: { id: 'b', roles: ['c'] },
    },
  ])('chooses $title', async ({ orgs, org, outcome }) => {
    const { get } = await createWorld();
    const result = await get({ orgs }, org ? { 'X-Org-Id': org } : {});
    expect(result).toMatchObject({ status: 200, outcome: { ...outcome, isFrozen: true } });
    expect(result.vary).toContain('X-Org-Id');
  });

  it.each([
    {
      title: 'none of several is named',
      orgs: twoOrgs,
      headers: {},
      status: 400,
      code: 'ORG_REQUIRED',
    },
    { title: 'there is none', orgs: [], headers: {}, status: 400, code: 'ORG_REQUIRED' },
    {
      title: 'the claim is missing',
      orgs: undefined,
      headers: {},
      status: 400,
      code: 'ORG_REQUIRED',
    },
    {
      title: 'the claim is a number',
      orgs: 7,
      headers: { 'X-Org-Id': '7' },
      status: 403,
      code: 'ORG_FORBIDDEN',
    },
    {
      title: 'another one is named',
      orgs: twoOrgs,
      headers: { 'X-Org-Id': 'initech' },
      status: 403,
      code: 'ORG_FORBIDDEN',
    },
    {
      title: 'the only one is not the named one',
      orgs: ['acme'],
      headers: { 'X-Org-Id': 'initech' },
      status: 403,
      code: 'ORG_FORBIDDEN',
    },
    {
      title: 'the case differs',
      orgs: ['acme'],
      headers: { 'X-Org-Id': 'ACME' },
      status: 403,
      code: 'ORG_FORBIDDEN',
    },
    {
      title: 'only a part is named',
      orgs: ['acme'],
      headers: { 'X-Org-Id': 'acm' },
      status: 403,
      code: 'ORG_FORBIDDEN',
    },
    {
      title: 'an inherited name is named',
      orgs: { acme: {} },
      headers: { 'X-Org-Id': 'constructor' },
      status: 403,
      code: 'ORG_FORBIDDEN',
    },
    {
      title: '__proto__ is named',
      orgs: twoOrgs,
      headers: { 'X-Org-Id': '__proto__' },
      status: 403,
      code: 'ORG_FORBIDDEN',
    },
    {
      title: 'the name is empty',
      orgs: ['acme'],
      headers: { 'X-Org-Id': '' },
      status: 400,
      code: 'INVALID_REQUEST',
    },
    {
      title: 'the name has a comma',
      orgs: ['acme'],
      headers: { 'X-Org-Id': 'acme, globex' },
      status: 400,
      code: 'INVALID_REQUEST',
    },
    {
      title: 'the name has a space',
      orgs: ['acme'],
      headers: { 'X-Org-Id': 'ac me' },
      status: 400,
      code: 'INVALID_REQUEST',
    },
    {
      title: 'the name is too long',
      orgs: ['acme'],
      headers: { 'X-Org-Id': 'x'.repeat(129) },
      status: 400,
      code: 'INVALID_REQUEST',
    },
  ])('answers $status when $title', async ({ orgs, headers, status, code }) => {
    const { get } = await createWorld();
    expect(await get({ orgs }, headers as Record<string, string>)).toMatchObject({
      status,
      outcome: code,
    });
  });

  it('refuses two lines of the header, even when both name the same', async () => {
    const { origin, issuer } = await createWorld();
    const socket = connect(Number(new URL(origin).port), '127.0.0.1');
    const token = await issuer.mint({ orgs: twoOrgs });
    socket.end(
      `GET /data HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\nX-Org-Id: acme\r\nX-Org-Id: acme\r\n\r\n`,
    );
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('takes the organisation from the route, and refuses a header that differs', async () => {
    const { get } = await createWorld({ param: 'orgId' });
    const claims = { orgs: twoOrgs };
    expect(await get(claims, {}, '/orgs/globex')).toMatchObject({
      outcome: { id: 'globex', source: 'param' },
    });
    expect(await get(claims, { 'X-Org-Id': 'globex' }, '/orgs/globex')).toMatchObject({
      status: 200,
    });
    expect(await get(claims, { 'X-Org-Id': 'acme' }, '/orgs/globex')).toMatchObject({
      outcome: 'INVALID_REQUEST',
    });
    expect(await get(claims, {}, '/orgs/initech')).toMatchObject({ outcome: 'ORG_FORBIDDEN' });
  });

  it('a parameter that the path does not have is a routing mistake, not a reason to choose', async () => {
    const { get } = await createWorld({ param: 'orgId' });
    expect(await get({ orgs: ['acme'] })).toMatchObject({ outcome: 'ORG_REQUIRED' });
  });

  it('fallback default takes the marked one and says so; none takes nothing', async () => {
    const byDefault = await createWorld({ fallback: 'default' });
    expect(await byDefault.get({ orgs: twoOrgs })).toMatchObject({
      outcome: { id: 'globex', source: 'default' },
    });
    expect(await byDefault.get({ orgs: ['a', 'b'] })).toMatchObject({ outcome: 'ORG_REQUIRED' });
    expect(await byDefault.get({ orgs: ['a'] })).toMatchObject({ outcome: { source: 'claim' } });
    const bothMarked = ['a', 'b'].map((id) => ({ id, default: true }));
    expect(await byDefault.get({ orgs: bothMarked })).toMatchObject({ outcome: 'ORG_REQUIRED' });
    const none = await createWorld({ fallback: 'none' });
    expect(await none.get({ orgs: ['a'] })).toMatchObject({ outcome: 'ORG_REQUIRED' });
    expect(await none.get({ orgs: ['a'] }, { 'X-Org-Id': 'a' })).toMatchObject({ status: 200 });
  });

  it('when not required lets requests pass that name none, but none that is forbidden', async () => {
    const { get } = await createWorld({ required: false });
    expect(await get({ orgs: twoOrgs })).toMatchObject({ status: 200, outcome: undefined });
    expect(await get({ orgs: twoOrgs }, { 'X-Org-Id': 'initech' })).toMatchObject({ status: 403 });
  });

  it('reads another header, or none', async () => {
    const other = await createWorld({ header: 'X-Tenant' });
    const result = await other.get({ orgs: twoOrgs }, { 'X-Tenant': 'acme', 'X-Org-Id': 'globex' });
    expect(result).toMatchObject({
      outcome: { id: 'acme' },
      vary: expect.stringContaining('X-Tenant'),
    });
    const without = await createWorld({ header: false, param: 'orgId' });
    expect(
      await without.get({ orgs: twoOrgs }, { 'X-Org-Id': 'acme' }, '/orgs/globex'),
    ).toMatchObject({ outcome: { id: 'globex' } });
  });

  it('answers 401 when nobody has signed in', async () => {
    const { origin } = await createWorld();
    const response = await fetch(`${origin}/unguarded`);
    expect(response.status).toBe(401);
    expect(response.headers.get('vary')).toBe('X-Org-Id');
  });

  describe('with resolve', () => {
    const resolvers: { title: string; resolve: OrgResolver; outcome: unknown; failed?: number }[] =
      [
        {
          title: 'answers at once',
          resolve: () => ({ roles: ['owner'] }),
          outcome: { id: 'acme', roles: ['owner'], source: 'header' },
        },
        {
          title: 'answers later',
          resolve: async () => ({ roles: ['owner'] }),
          outcome: { roles: ['owner'] },
        },
        {
          title: 'knows a member without roles',
          resolve: async () => ({}),
          outcome: { id: 'acme', roles: [] },
        },
        { title: 'answers null', resolve: () => null, outcome: 'ORG_FORBIDDEN' },
        {
          title: 'answers undefined later',
          resolve: async () => undefined,
          outcome: 'ORG_FORBIDDEN',
        },
        {
          title: 'answers with a promise of another library',
          resolve: () => ({ then: (settle: (value: null) => void) => settle(null) }) as never,
          outcome: 'ORG_FORBIDDEN',
        },
        {
          title: 'throws',
          resolve: () => {
            throw new Error('secret detail');
          },
          outcome: 'STORE_UNAVAILABLE',
          failed: 1,
        },
        {
          title: 'rejects',
          resolve: () => Promise.reject(new Error('secret detail')),
          outcome: 'STORE_UNAVAILABLE',
          failed: 1,
        },
        {
          title: 'answers with a mere true',
          resolve: () => true as never,
          outcome: 'STORE_UNAVAILABLE',
          failed: 1,
        },
        {
          title: 'answers with roles that are no list',
          resolve: async () => ({ roles: 'admin' }) as never,
          outcome: 'STORE_UNAVAILABLE',
          failed: 1,
        },
        {
          title: 'throws an AuthError',
          resolve: () => {
            throw new AuthError('PASSWORD_CHANGE_REQUIRED');
          },
          outcome: 'PASSWORD_CHANGE_REQUIRED',
        },
      ];

    it.each(resolvers)('that $title', async ({ resolve, outcome, failed = 0 }) => {
      const { get, events } = await createWorld({ resolve });
      const found = await get({ orgs: twoOrgs }, { 'X-Org-Id': 'acme' });
      expect(found).toMatchObject({ outcome });
      expect(events.of('hook.failed')).toHaveLength(failed);
      expect(events.text()).not.toContain('secret detail');
    });

    it('a membership that only the token knows is confirmed, since the token may be old', async () => {
      const { get } = await createWorld({ resolve: () => null });
      expect(await get({ orgs: ['acme'] })).toMatchObject({ outcome: 'ORG_FORBIDDEN' });
    });
  });

  it('requireRoles of the organisation looks at its roles alone', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const app = express();
    app.get(
      '/',
      requireAuth(createVerifier({ issuers: { ...issuer.policy, allowedOrgs: 'any' } })),
      orgContext(),
      requireRoles('admin', { of: 'org' }),
      (_req, res) => void res.json({}),
    );
    app.use(errorHandler());
    const { origin } = await serve(app);
    const statusIn = async (org: string) => {
      const token = await issuer.mint({ orgs: twoOrgs, roles: ['admin'] });
      return (
        await fetch(origin, { headers: { Authorization: `Bearer ${token}`, 'X-Org-Id': org } })
      ).status;
    };
    expect(await statusIn('acme')).toBe(200);
    expect(await statusIn('globex')).toBe(403);
  });
});

describe('options of orgContext that cannot work', () => {
  it.each([
    { fallback: 'first' },
    { header: '' },
    { header: 'X Org' },
    { header: false, fallback: 'none' },
    { heading: 'x' },
    { resolve: {} },
    { param: ':orgId' },
  ])('%j', (options) => {
    expect(() => orgContext(options as OrgContextOptions)).toThrow(TypeError);
  });
});
