import { createAuthClient } from 'latchkey/client';
import { describe, expect, it } from 'vitest';
import { readBase, urlBelow } from '../../lib/client/relative-url.js';
import { PASSWORD } from '../world/auth-server.js';
import { serve } from '../world/serve.js';
import { refuse, serveClientApp } from './client-app.js';
import { signedIn } from './sign-in.js';

describe('paths', () => {
  it.each([
    'https://evil.example/',
    'HTTPS:evil.example',
    'javascript:alert(1)',
    '//evil.example/',
    '\\\\evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '../admin',
    '/me/../../admin',
    '/%2e%2e/admin',
    'me\n',
    ' \u0000me',
    // Many a server decodes slashes before it looks for dots.
    '..%2fadmin',
    '/me/%2e%2e%2F..%2fadmin',
    '..%5Cadmin',
    // Inside only for servers that do.
    '../..%2fapi/me',
  ])('refuses %j before anything is sent', async (path) => {
    const app = await serveClientApp();
    const client = createAuthClient({ baseUrl: `${app.origin}/api` });
    client.setToken('given.by.platform');
    await expect(client.fetch(path)).rejects.toBeInstanceOf(TypeError);
    expect(app.log).toEqual([]);
  });

  it.each([
    '/open',
    'open',
    'open?x=//evil.example',
    'open?x=..%2f..%2f',
    './open',
    '/me/../open',
    '/me%2F..%2Fopen/../open',
    'open#part',
  ])('takes %j', async (path) => {
    const app = await serveClientApp();
    const client = createAuthClient({ baseUrl: `${app.origin}/api/` });
    expect((await client.fetch(path)).status).toBe(200);
  });

  it.each([
    '/api',
    'api.example.com',
    '',
    'https://api.example.com/?a',
    'https://api.example.com/#a',
    // Their paths begin with a host, or they have none.
    'blob:https://api.example.com/a',
    'file:///api',
    'ftp://api.example.com',
  ])('refuses the base %j in Node', (baseUrl) => {
    expect(() => createAuthClient({ baseUrl })).toThrow(TypeError);
  });

  it('gives the token to nobody whom a redirect leads to, and takes no refusal from there', async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await serve((req, res) => {
      seen.push(req.headers.authorization);
      res.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end();
    });
    const app = await serveClientApp();
    const client = await signedIn(app);
    app.outage = refuse('/me', 302, { Location: `${elsewhere.origin}/me` });
    expect((await client.fetch('/me')).status).toBe(401);
    expect(seen).toEqual([undefined]);
    expect(app.count('POST /api/auth/refresh')).toBe(0);
  });

  it.each([
    { path: '', leadsTo: '/api%2Fv1/' },
    { path: '?page=2', leadsTo: '/api%2Fv1/?page=2' },
    { path: '/projects/group%2Fname', leadsTo: '/api%2Fv1/projects/group%2Fname' },
    { path: 'a%5Cb', leadsTo: '/api%2Fv1/a%5Cb' },
    { path: '/users/@me', leadsTo: '/api%2Fv1/users/@me' },
    { path: '/a//b', leadsTo: '/api%2Fv1/a//b' },
  ])('puts $path below the base, and changes nothing in it', ({ path, leadsTo }) => {
    const base = readBase('https://api.example.com/api%2Fv1');
    expect(urlBelow(base, path).href).toBe(`https://api.example.com${leadsTo}`);
  });

  it.each(['auth', '/auth/', '//auth//'.slice(1)])(
    'finds the auth router at %j',
    async (authPath) => {
      const app = await serveClientApp();
      await app.addUser('alice');
      const client = createAuthClient({ baseUrl: `${app.origin}/api`, authPath });
      const session = await client.login({ username: 'alice', password: PASSWORD });
      expect(session).toMatchObject({ authenticated: true });
    },
  );

  it.each(['//evil.example/auth', 'https://evil.example', '../auth', '/auth?a', '\\auth'])(
    'refuses %j for the auth router at once',
    (authPath) => {
      const baseUrl = 'https://api.example.com/api';
      expect(() => createAuthClient({ baseUrl, authPath })).toThrow(TypeError);
    },
  );
});
