import express from 'express';
import type { AuthOptions } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { SECRET } from '../world/auth-server.js';
import { createResourceWorld, METADATA, serveResource } from '../world/resource-app.js';
import { serve } from '../world/serve.js';

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
    const { auth } = await createResourceWorld({ publicUrl: url });
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
    const { auth } = await createResourceWorld();
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
    const { auth } = await createResourceWorld();
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
    const { auth } = await createResourceWorld(options);
    const { metadata } = await serveResource(
      auth.protectedResource(given ? { authorizationServers: given } : {}),
    );
    expect(((await metadata()) as Record<string, unknown>)['authorization_servers']).toEqual(
      servers,
    );
  });

  it('tells of client certificates where they are looked for', async () => {
    const { auth } = await createResourceWorld({ clientCertificates: { from: 'tls' } });
    const { metadata } = await serveResource(auth.protectedResource());
    expect(await metadata()).toMatchObject({ tls_client_certificate_bound_access_tokens: true });
  });

  it.each([
    { mode: 'off', required: undefined, algorithm: undefined },
    { mode: 'accepted', required: undefined, algorithm: 'ES256' },
    { mode: 'required', required: true, algorithm: 'ES256' },
  ] as const)('tells of proofs where AUTH_DPOP is $mode', async ({ mode, required, algorithm }) => {
    const { auth } = await createResourceWorld({ dpop: { mode } });
    const { metadata } = await serveResource(auth.protectedResource());
    const told = (await metadata()) as ResourceProofs;
    expect(told.dpop_bound_access_tokens_required).toBe(required);
    expect(told.dpop_signing_alg_values_supported?.[0]).toBe(algorithm);
  });

  it('is JSON that pages of every origin may read, for an hour', async () => {
    const { auth } = await createResourceWorld();
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
    const { auth } = await createResourceWorld();
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
    const { auth } = await createResourceWorld();
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
    const { auth } = await createResourceWorld();
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
    const { auth } = await createResourceWorld();
    const { send } = await serveResource(auth.protectedResource({ path: '/mcp' }));
    expect((await send(path)).status).toBe(404);
  });

  it('does not follow the Host header', async () => {
    const { auth } = await createResourceWorld();
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
    const { auth, issuer } = await createResourceWorld();
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
    const { auth } = await createResourceWorld();
    const resource = auth.protectedResource();
    const { send } = await serveResource(resource, {
      '/': [auth.requireAuth({ challengeScopes: ['orders:read'] })],
    });
    expect((await send('/')).headers.get('www-authenticate')).toBe(
      'Bearer realm="api", scope="orders:read"',
    );
  });
});

describe('readiness', () => {
  it('waits for the keys of resources, too', async () => {
    const { auth, issuer } = await createResourceWorld();
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
    const { auth } = await createResourceWorld(settings);
    expect(() => auth.protectedResource(options)).toThrow(TypeError);
  });

  it('by a path that has one already is a TypeError', async () => {
    const { auth } = await createResourceWorld();
    auth.protectedResource({ path: '/mcp' });
    expect(() => auth.protectedResource({ path: '/mcp' })).toThrow(/twice/);
    auth.protectedResource({ path: '/mcp2' });
  });

  it('by a redirect to a sign-in whose session it would not take is a TypeError', async () => {
    const { auth } = await createResourceWorld({ trustedIssuers: [], jwt: { secret: SECRET } });
    const resource = auth.protectedResource({ path: '/mcp' });
    expect(() => resource.requireAuth({ redirect: true })).toThrow(/session/);
    expect(() => auth.requireAuth({ redirect: true, methods: ['jwt'] })).toThrow(/session/);
    resource.requireAuth({ redirect: true, methods: ['jwt', 'session'] });
  });

  it.each([[[]], [['a b']], ['notes:read'], [[1]]])(
    'by challengeScopes %j is a TypeError',
    async (challengeScopes) => {
      const { auth } = await createResourceWorld();
      const options: object = { challengeScopes };
      expect(() => auth.requireAuth(options)).toThrow(TypeError);
    },
  );
});
