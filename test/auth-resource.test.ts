import { randomBytes } from 'node:crypto';
import express, { type RequestHandler } from 'express';
import {
  type AuthOptions,
  createAuth,
  optionalPrincipalOf,
  type ProtectedResource,
  type ProtectedResourceOptions,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { addUser, BASE, PASSWORD, SECRET } from './world/auth-server.js';
import { createHttpBrowser } from './world/http-browser.js';
import { CLIENT, serveIntrospection } from './world/introspection-server.js';
import { reservePort } from './world/login-app.js';
import { serve } from './world/serve.js';

const publicUrl = 'https://api.example.com';
const METADATA = 'https://api.example.com/.well-known/oauth-protected-resource/mcp';

async function createWorld(options: AuthOptions = {}) {
  const issuer = await createTestIssuer({ algorithm: 'ES256', issuer: 'https://id.example.com' });
  const auth = createAuth({
    env: {},
    onWarning: () => undefined,
    publicUrl,
    trustedIssuers: [issuer.policy],
    ...options,
  });
  return { issuer, auth };
}

/** The application with its metadata, and a route behind each list of guards. */
async function serveResource(
  resource: ProtectedResource,
  routes: Readonly<Record<string, readonly RequestHandler[]>> = {},
) {
  const app = express();
  app.use(resource.metadata());
  for (const [path, guards] of Object.entries(routes))
    app.all(path, ...guards, (req, res) => res.json(optionalPrincipalOf(req)?.subject ?? null));
  const { origin } = await serve(app);
  const { pathname } = new URL(resource.metadataUrl);
  return {
    send: (
      path: string,
      token?: string,
      init: { method?: string; headers?: Record<string, string> } = {},
    ) =>
      fetch(`${origin}${path}`, {
        ...init,
        headers: { ...init.headers, ...(token && { authorization: `Bearer ${token}` }) },
      }),
    metadata: async () => (await fetch(`${origin}${pathname}`)).json(),
    pathname,
  };
}

describe('the metadata of a protected resource', () => {
  it.each([
    { url: 'https://api.example.com', path: undefined, end: '' },
    { url: 'https://api.example.com', path: '/', end: '' },
    { url: 'https://api.example.com', path: '/mcp', end: '/mcp' },
    { url: 'https://api.example.com', path: '/mcp/', end: '/mcp/' },
    { url: 'https://api.example.com', path: '/a/b-c', end: '/a/b-c' },
    { url: 'https://api.example.com/app', path: '/mcp', end: '/app/mcp' },
    { url: 'https://api.example.com/app/', path: '/', end: '/app' },
    { url: 'https://api.example.com:8443', path: '/mcp', end: '/mcp' },
  ])('of $path below $url is for $end', async ({ url, path, end }) => {
    const { auth } = await createWorld({ publicUrl: url });
    const resource = auth.protectedResource(path === undefined ? {} : { path });
    const { origin } = new URL(url);
    expect(resource.identifier).toBe(`${origin}${end}`);
    expect(resource.metadataUrl).toBe(`${origin}/.well-known/oauth-protected-resource${end}`);
    const { metadata } = await serveResource(resource);
    expect(await metadata()).toEqual({
      resource: resource.identifier,
      authorization_servers: ['https://id.example.com'],
      bearer_methods_supported: ['header'],
    });
  });

  it('says what it is called, and names the scopes of every guard that was made', async () => {
    const { auth } = await createWorld();
    const resource = auth.protectedResource({
      path: '/mcp',
      name: 'Notes',
      documentation: 'https://docs.example.com/notes?page=1#start',
      scopes: ['notes:share', 'offline_access'],
    });
    resource.requireAuth({ challengeScopes: ['notes:read'] });
    const { metadata } = await serveResource(resource);
    resource.requireScopes('notes:write', 'notes:read');
    resource.requireScopes('notes:delete', { match: 'any' });
    resource.requireAnyScope('admin', 'notes:write');
    expect(await metadata()).toMatchObject({
      resource_name: 'Notes',
      resource_documentation: 'https://docs.example.com/notes?page=1#start',
      scopes_supported: ['admin', 'notes:delete', 'notes:read', 'notes:share', 'notes:write'],
    });
  });

  it('names no scope of another resource, and none that a refused guard had', async () => {
    const { auth } = await createWorld();
    const [one, other] = ['/one', '/other'].map((path) => auth.protectedResource({ path }));
    if (!one || !other) throw new Error('unreachable');
    other.requireScopes('other:read');
    auth.requireScopes('api:read');
    expect(() => one.requireScopes('good', 'not good')).toThrow(TypeError);
    const { metadata } = await serveResource(one);
    expect(await metadata()).not.toHaveProperty('scopes_supported');
  });

  it.each<{ title: string; options: AuthOptions; given?: readonly string[]; servers: unknown }>([
    {
      title: 'those whose tokens are trusted, in order, and once',
      options: {
        trustedIssuers: ['https://b.example', 'https://a.example', 'not-a-url'].map((issuer) => ({
          issuer,
          audience: 'x',
          keys: { secret: SECRET },
        })),
      },
      servers: ['https://b.example', 'https://a.example'],
    },
    {
      title: 'our own',
      options: { trustedIssuers: [], jwt: { secret: SECRET } },
      servers: ['https://api.example.com'],
    },
    {
      title: 'the main one that only verifies',
      options: {
        trustedIssuers: [],
        jwt: { issuer: 'https://main.example', jwksUrl: 'https://main.example/jwks' },
      },
      servers: ['https://main.example'],
    },
    {
      title: 'every tenant that is listed',
      options: {
        trustedIssuers: [
          {
            issuer: 'https://id.example/{tenantid}/v2',
            tenants: ['one', 'two'],
            audience: 'x',
            keys: { secret: SECRET },
          },
        ],
      },
      servers: ['https://id.example/one/v2', 'https://id.example/two/v2'],
    },
    {
      title: 'those that are given',
      options: {},
      given: ['https://login.example/a', 'https://login.example/a'],
      servers: ['https://login.example/a'],
    },
    { title: 'none, when none shall be told', options: {}, given: [], servers: undefined },
  ])('tells of authorization servers $title', async ({ options, given, servers }) => {
    const { auth } = await createWorld(options);
    const { metadata } = await serveResource(
      auth.protectedResource(given ? { authorizationServers: given } : {}),
    );
    expect(((await metadata()) as Record<string, unknown>)['authorization_servers']).toEqual(
      servers,
    );
  });

  it('tells of client certificates where they are looked for', async () => {
    const { auth } = await createWorld({ clientCertificates: { from: 'tls' } });
    const { metadata } = await serveResource(auth.protectedResource());
    expect(await metadata()).toMatchObject({ tls_client_certificate_bound_access_tokens: true });
  });

  it.each([
    { mode: 'off', required: undefined, algorithm: undefined },
    { mode: 'accepted', required: undefined, algorithm: 'ES256' },
    { mode: 'required', required: true, algorithm: 'ES256' },
  ] as const)('tells of proofs where AUTH_DPOP is $mode', async ({ mode, required, algorithm }) => {
    const { auth } = await createWorld({ dpop: { mode } });
    const { metadata } = await serveResource(auth.protectedResource());
    const told = (await metadata()) as ResourceProofs;
    expect(told.dpop_bound_access_tokens_required).toBe(required);
    expect(told.dpop_signing_alg_values_supported?.[0]).toBe(algorithm);
  });

  it('is JSON that pages of every origin may read, for an hour', async () => {
    const { auth } = await createWorld();
    const { send, pathname } = await serveResource(auth.protectedResource({ path: '/mcp' }));
    const response = await send(`${pathname}?a=1`, undefined, {
      headers: { origin: 'https://x.example' },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/json\b/);
    expect(response.headers.get('cache-control')).toBe('public, max-age=3600');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const head = await send(pathname, undefined, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('may be read by pages of every origin also behind securityHeaders() with its own list', async () => {
    const { auth } = await createWorld();
    const resource = auth.protectedResource({ path: '/mcp' });
    const app = express();
    app.use(auth.securityHeaders({ cors: { origins: ['https://a.example'], credentials: true } }));
    app.use(resource.metadata());
    const { origin } = await serve(app);
    for (const page of ['https://a.example', 'https://b.example']) {
      const response = await fetch(`${origin}${new URL(resource.metadataUrl).pathname}`, {
        headers: { origin: page },
      });
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });

  it('answers the preflight that the header of MCP takes', async () => {
    const { auth } = await createWorld();
    const { send, pathname } = await serveResource(auth.protectedResource({ path: '/mcp' }));
    const response = await send(pathname, undefined, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://inspector.example',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'mcp-protocol-version',
      },
    });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': '*',
    });
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('is not there for %s', async (method) => {
    const { auth } = await createWorld();
    const { send, pathname } = await serveResource(auth.protectedResource({ path: '/mcp' }));
    const response = await send(pathname, undefined, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    '/.well-known/oauth-protected-resource',
    '/.well-known/oauth-protected-resource/',
    '/.well-known/oauth-protected-resource/mcp/',
    '/.well-known/oauth-protected-resource/MCP',
    '/.well-known/oauth-protected-resource/mcp/more',
    '//.well-known/oauth-protected-resource/mcp',
    '/mcp/.well-known/oauth-protected-resource',
  ])('of /mcp is not at %s', async (path) => {
    const { auth } = await createWorld();
    const { send } = await serveResource(auth.protectedResource({ path: '/mcp' }));
    expect((await send(path)).status).toBe(404);
  });

  it('does not follow the Host header', async () => {
    const { auth } = await createWorld();
    const resource = auth.protectedResource({ path: '/mcp' });
    const { send, metadata } = await serveResource(resource, { '/mcp': [resource.requireAuth()] });
    const headers = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
    };
    const refused = await send('/mcp', undefined, { headers });
    expect(refused.headers.get('www-authenticate')).toBe(
      `Bearer realm="api", resource_metadata="${METADATA}"`,
    );
    expect(await metadata()).toMatchObject({ resource: 'https://api.example.com/mcp' });
  });
});

interface ResourceProofs {
  readonly dpop_bound_access_tokens_required?: boolean;
  readonly dpop_signing_alg_values_supported?: readonly string[];
}

describe('the challenges of a protected resource', () => {
  it('lead to its metadata, and name the scopes to begin with', async () => {
    const { auth, issuer } = await createWorld();
    const resource = auth.protectedResource({ path: '/mcp' });
    const { send } = await serveResource(resource, {
      '/mcp': [
        resource.requireAuth({ challengeScopes: ['notes:read', 'profile'] }),
        resource.requireScopes('notes:read', 'notes:write'),
      ],
      '/roles': [resource.requireAuth(), resource.requireRoles('admin')],
      '/fresh': [resource.requireAuth(), resource.requireAuthContext({ maxAgeSeconds: 60 })],
      '/open': [resource.optionalAuth(), resource.requireAnyScope('notes:read')],
    });
    const aud = resource.identifier;
    const end = `resource_metadata="${METADATA}"`;
    const challengeOf = async (path: string, token?: string) => {
      const { status, headers } = await send(path, token);
      return [status, headers.get('www-authenticate')];
    };
    expect(await challengeOf('/mcp')).toEqual([
      401,
      `Bearer realm="api", scope="notes:read profile", ${end}`,
    ]);
    expect(await challengeOf('/mcp', 'garbage')).toEqual([
      401,
      `Bearer realm="api", error="invalid_token", scope="notes:read profile", ${end}`,
    ]);
    expect(await challengeOf('/mcp', await issuer.mint({ aud, scope: 'notes:read' }))).toEqual([
      403,
      `Bearer realm="api", error="insufficient_scope", scope="notes:read notes:write", ${end}`,
    ]);
    expect(await challengeOf('/open')).toEqual([401, `Bearer realm="api", ${end}`]);
    expect(await challengeOf('/roles', await issuer.mint({ aud }))).toEqual([403, null]);
    expect(await challengeOf('/fresh', await issuer.mint({ aud }))).toEqual([
      401,
      `Bearer realm="api", error="insufficient_user_authentication", max_age="60", ${end}`,
    ]);
    const both = await issuer.mint({ aud, scope: 'notes:write notes:read' });
    expect(await challengeOf('/mcp', both)).toEqual([200, null]);
  });

  it('name the scopes to begin with also at guards of no resource', async () => {
    const { auth } = await createWorld();
    const resource = auth.protectedResource();
    const { send } = await serveResource(resource, {
      '/': [auth.requireAuth({ challengeScopes: ['orders:read'] })],
    });
    expect((await send('/')).headers.get('www-authenticate')).toBe(
      'Bearer realm="api", scope="orders:read"',
    );
  });
});

describe('a token for something else', () => {
  const audiences = {
    'the resource': 'https://api.example.com/mcp',
    'the resource and another': ['https://other.example', 'https://api.example.com/mcp'],
    'the rest of the application': 'https://api.test',
    'the origin': 'https://api.example.com',
    'a path below': 'https://api.example.com/mcp/a',
    'the path with a slash': 'https://api.example.com/mcp/',
    'the path in other letters': 'https://api.example.com/MCP',
    'another resource of ours': 'https://api.example.com/files',
    'a beginning of it': 'https://api.example.com/m',
    nothing: undefined,
  };
  const own: readonly string[] = ['the resource', 'the resource and another'];

  it.each(Object.entries(audiences).map(([title, aud]) => ({ title, aud })))(
    'is refused, and taken if it is for $title',
    async ({ title, aud }) => {
      const { auth, issuer } = await createWorld();
      const [resource, files] = ['/mcp', '/files'].map((path) => auth.protectedResource({ path }));
      if (!resource || !files) throw new Error('unreachable');
      const { send } = await serveResource(resource, {
        '/mcp': [resource.requireAuth()],
        '/mcp/open': [resource.optionalAuth()],
        '/api': [auth.requireAuth()],
      });
      const token = await issuer.mint({ aud });
      const expected = own.includes(title) ? 200 : 401;
      // The verdict of one guard must not be remembered for the other, whichever comes first.
      for (let round = 0; round < 2; round += 1) {
        expect((await send('/mcp', token)).status).toBe(expected);
        expect((await send('/mcp/open', token)).status).toBe(expected);
        expect((await send('/api', token)).status).toBe(aud === 'https://api.test' ? 200 : 401);
      }
    },
  );

  it('is not a question of a slash where the resource is a whole origin', async () => {
    const { auth, issuer } = await createWorld();
    const resource = auth.protectedResource();
    const { send } = await serveResource(resource, { '/': [resource.requireAuth()] });
    for (const aud of ['https://api.example.com', 'https://api.example.com/'])
      expect((await send('/', await issuer.mint({ aud }))).status).toBe(200);
    expect((await send('/', await issuer.mint({ aud: 'https://api.example.com//' }))).status).toBe(
      401,
    );
  });

  it.each<{
    audience: Exclude<ProtectedResourceOptions['audience'], undefined>;
    taken: readonly string[];
  }>([
    { audience: 'issuer', taken: ['https://api.test'] },
    { audience: 'urn:notes', taken: ['urn:notes'] },
    { audience: ['urn:a', 'urn:b'], taken: ['urn:a', 'urn:b'] },
  ])('is what `audience: $audience` says', async ({ audience, taken }) => {
    const { auth, issuer } = await createWorld();
    const resource = auth.protectedResource({ path: '/mcp', audience });
    const { send } = await serveResource(resource, { '/mcp': [resource.requireAuth()] });
    for (const aud of ['https://api.test', resource.identifier, 'urn:notes', 'urn:a', 'urn:b'])
      expect((await send('/mcp', await issuer.mint({ aud }))).status).toBe(
        taken.includes(aud) ? 200 : 401,
      );
  });

  it('is refused from issuers that are found at run time, and from those without `aud`', async () => {
    const { auth, issuer } = await createWorld({
      trustedIssuers: [],
      resolveIssuer: (iss) =>
        iss === 'https://id.example.com' ? { ...resolved, audience: null } : undefined,
    });
    const resolved = issuer.policy;
    const resource = auth.protectedResource({ path: '/mcp', authorizationServers: [] });
    const { send } = await serveResource(resource, {
      '/mcp': [resource.requireAuth()],
      '/api': [auth.requireAuth()],
    });
    const [ours, others] = await Promise.all([
      issuer.mint({ aud: resource.identifier }),
      issuer.mint({ aud: 'https://api.test' }),
    ]);
    expect((await send('/mcp', ours)).status).toBe(200);
    expect((await send('/mcp', others)).status).toBe(401);
    expect((await send('/api', others)).status).toBe(200);
  });

  it('is refused also if it is opaque', async () => {
    const server = await serveIntrospection({ active: true, sub: 'user-1' });
    const keys = { introspection: { endpoint: server.endpoint, ...CLIENT } };
    const { auth } = await createWorld({
      trustedIssuers: [{ issuer: server.issuer, audience: 'https://api.test', keys }],
    });
    const resource = auth.protectedResource({ path: '/mcp' });
    const { send } = await serveResource(resource, {
      '/mcp': [resource.requireAuth()],
      '/api': [auth.requireAuth()],
    });
    const taken = { '/mcp': resource.identifier, '/api': 'https://api.test' };
    for (const aud of [taken['/mcp'], taken['/api'], undefined]) {
      const token = randomBytes(24).toString('hex');
      server.answer = { active: true, sub: 'user-1', ...(aud && { aud }) };
      for (const [path, audience] of Object.entries(taken))
        expect((await send(path, token)).status).toBe(aud === audience ? 200 : 401);
    }
  });

  it('is a session cookie, too, unless the guard names the method', async () => {
    const port = await reservePort();
    const auth = createAuth({ ...BASE, cookieSessions: true, publicUrl: port.origin });
    await addUser({ auth });
    const resource = auth.protectedResource({ path: '/mcp' });
    const app = express();
    app.use('/api/auth', auth.router());
    app.get('/mcp', resource.requireAuth(), (_req, res) => void res.end());
    const methods = ['jwt', 'session'] as const;
    app.get('/both', resource.requireAuth({ methods }), (_req, res) => void res.end());
    app.use(auth.errorHandler());
    port.serve(app);
    const browser = createHttpBrowser();
    const page = await browser.open(`${port.origin}/api/auth/signin?returnTo=/both`);
    const after = await browser.submit(page, { username: 'alice', password: PASSWORD });
    expect([after.url, after.status]).toEqual([`${port.origin}/both`, 200]);
    expect((await browser.fetch(`${port.origin}/mcp`)).status).toBe(401);
  });

  it('leaves a client without credential its challenge in development', async () => {
    const { auth } = await createWorld({ standalone: true, devToken: 'x.y.z' });
    const resource = auth.protectedResource({ path: '/mcp' });
    const { send } = await serveResource(resource, {
      '/mcp': [resource.requireAuth()],
      '/api': [auth.requireAuth()],
    });
    expect((await send('/api')).headers.get('www-authenticate')).toContain('invalid_token');
    expect((await send('/mcp')).headers.get('www-authenticate')).toBe(
      `Bearer realm="api", resource_metadata="${METADATA}"`,
    );
  });
});

describe('readiness', () => {
  it('waits for the keys of resources, too', async () => {
    const { auth, issuer } = await createWorld();
    const resource = auth.protectedResource({ path: '/mcp' });
    await auth.ready();
    issuer.goDown();
    const { send } = await serveResource(resource, { '/mcp': [resource.requireAuth()] });
    expect((await send('/mcp', await issuer.mint({ aud: resource.identifier }))).status).toBe(200);
  });
});

describe('a resource that cannot be', () => {
  it.each<{ title: string; options: object; auth?: AuthOptions }>([
    { title: 'a path without slash', options: { path: 'mcp' } },
    { title: 'two slashes', options: { path: '//mcp' } },
    { title: 'a query', options: { path: '/mcp?a=1' } },
    { title: 'a fragment', options: { path: '/mcp#a' } },
    { title: 'dots', options: { path: '/a/../mcp' } },
    { title: 'a space', options: { path: '/a b' } },
    { title: 'letters that a URL escapes', options: { path: '/ä' } },
    { title: 'a backslash', options: { path: '/\\evil.example' } },
    { title: 'a line end', options: { path: '/a\nb' } },
    { title: 'a number', options: { path: 1 } },
    { title: 'a scope with a space', options: { scopes: ['a b'] } },
    { title: 'scopes in one text', options: { scopes: 'a' } },
    { title: 'a server that is no URL', options: { authorizationServers: ['id'] } },
    { title: 'a server with a query', options: { authorizationServers: ['https://id.example?a'] } },
    { title: 'documentation that is a script', options: { documentation: 'javascript:alert(1)' } },
    { title: 'a misspelt option', options: { scope: ['a'] } },
    { title: 'no public URL', options: {}, auth: { publicUrl: undefined } },
    {
      title: 'only issuers that are no URL',
      options: {},
      auth: { trustedIssuers: [{ issuer: 'id', audience: 'x', keys: { secret: SECRET } }] },
    },
  ])('by $title is a TypeError', async ({ options, auth: settings }) => {
    const { auth } = await createWorld(settings);
    expect(() => auth.protectedResource(options)).toThrow(TypeError);
  });

  it('by a path that has one already is a TypeError', async () => {
    const { auth } = await createWorld();
    auth.protectedResource({ path: '/mcp' });
    expect(() => auth.protectedResource({ path: '/mcp' })).toThrow(/twice/);
    auth.protectedResource({ path: '/mcp2' });
  });

  it.each([[[]], [['a b']], ['notes:read'], [[1]]])(
    'by challengeScopes %j is a TypeError',
    async (challengeScopes) => {
      const { auth } = await createWorld();
      const options: object = { challengeScopes };
      expect(() => auth.requireAuth(options)).toThrow(TypeError);
    },
  );
});
