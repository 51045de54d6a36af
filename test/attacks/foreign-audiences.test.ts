import { randomBytes } from 'node:crypto';
import express from 'express';
import { createAuth, type ProtectedResourceOptions } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { addUser, BASE, PASSWORD } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { CLIENT, serveIntrospection } from '../world/introspection-server.js';
import { reservePort } from '../world/login-app.js';
import { createResourceWorld, METADATA, serveResource } from '../world/resource-app.js';

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
      const { auth, issuer } = await createResourceWorld();
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
    const { auth, issuer } = await createResourceWorld();
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
    const { auth, issuer } = await createResourceWorld();
    const resource = auth.protectedResource({ path: '/mcp', audience });
    const { send } = await serveResource(resource, { '/mcp': [resource.requireAuth()] });
    for (const aud of ['https://api.test', resource.identifier, 'urn:notes', 'urn:a', 'urn:b'])
      expect((await send('/mcp', await issuer.mint({ aud }))).status).toBe(
        taken.includes(aud) ? 200 : 401,
      );
  });

  it('is refused from issuers that are found at run time, and from those without `aud`', async () => {
    const { auth, issuer } = await createResourceWorld({
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
    const { auth } = await createResourceWorld({
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
    const { auth } = await createResourceWorld({ standalone: true, devToken: 'x.y.z' });
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
