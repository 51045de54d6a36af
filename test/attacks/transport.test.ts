import { once } from 'node:events';
import { connect } from 'node:net';
import {
  errorHandler,
  optionalAuth,
  requireAuth,
  requireScopes,
  createVerifier,
  AuthError,
  principalOf,
} from 'latchkey';
import { attackCorpus, createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createEventLog } from '../world/event-log.js';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

describe.each(expressVersions)('attacks over HTTP on $name', async ({ express }) => {
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const events = createEventLog();
  let handled = 0;
  const app = express();
  const verifier = createVerifier({ issuers: issuer.policy, events });
  app.get('/me', requireAuth(verifier), (req, res) => {
    handled += 1;
    res.json({ subject: principalOf(req).subject });
  });
  app.use(errorHandler());

  for (const attack of await attackCorpus({ app, issuer, path: '/me' }))
    it(attack.name, attack.run);

  it('the handler ran for the controls only, and no event holds a piece of a token', async () => {
    // `Bearer`, `bearer`, `BEARER` and two spaces with a valid token are the corpus' controls.
    expect(handled).toBeLessThanOrEqual(6);
    expect(handled).toBeGreaterThanOrEqual(1);
    expect(events.of('token.refused').length).toBeGreaterThan(100);
    expect(events.text()).not.toMatch(/[\w-]{24,}/);
  });
});

describe.each(expressVersions)('G on $name', ({ express }) => {
  async function createWorld() {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: issuer.policy });
    const app = express();
    app.use(express.json(), express.urlencoded({ extended: false }));
    app.all('/guarded', requireAuth(verifier), (_req, res) => void res.json({ passed: true }));
    app.all(
      '/open',
      requireAuth(verifier, { allowPreflight: true }),
      (_req, res) => void res.json({ passed: true }),
    );
    app.use(errorHandler());
    const { origin } = await serve(app);
    return { origin, token: await issuer.mint() };
  }

  it('G1 a token in the header passes whatever stands in the query: that is no credential of ours', async () => {
    const { origin, token } = await createWorld();
    const headers = { Authorization: `Bearer ${token}` };
    expect((await fetch(`${origin}/guarded?access_token=junk`, { headers })).status).toBe(200);
  });

  it('G3 and G4 a valid token in a query, form or JSON body is no credential', async () => {
    const { origin, token } = await createWorld();
    const requests: [string, RequestInit][] = [
      [`?access_token=${token}`, {}],
      [`?access_token=${token}&access_token=${token}`, {}],
      ['', { method: 'POST', body: new URLSearchParams({ access_token: token }) }],
      [
        '',
        {
          method: 'POST',
          body: JSON.stringify({ access_token: token }),
          headers: { 'Content-Type': 'application/json' },
        },
      ],
      ['', { headers: { 'X-Access-Token': token, Cookie: `access_token=${token}` } }],
    ];
    for (const [query, init] of requests) {
      const response = await fetch(`${origin}/guarded${query}`, init);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="api"');
      expect(await response.text()).not.toContain(token.split('.')[2]);
    }
  });

  it('G5 a preflight passes only where it is allowed to, and only a true one', async () => {
    const { origin } = await createWorld();
    const preflight = { Origin: 'https://app.test', 'Access-Control-Request-Method': 'GET' };
    const statusOf = async (path: string, headers: Record<string, string>, method = 'OPTIONS') =>
      (await fetch(origin + path, { method, headers })).status;
    expect(await statusOf('/guarded', preflight)).toBe(401);
    expect(await statusOf('/open', preflight)).toBe(200);
    expect(await statusOf('/open', {})).toBe(401);
    expect(await statusOf('/open', { Origin: 'https://app.test' })).toBe(401);
    expect(await statusOf('/open', { 'Access-Control-Request-Method': 'GET' })).toBe(401);
    expect(await statusOf('/open', preflight, 'GET')).toBe(401);
  });

  it('G6 HEAD, method override and odd paths do not get around a guard', async () => {
    const { origin } = await createWorld();
    const head = await fetch(`${origin}/guarded`, { method: 'HEAD' });
    expect(head.status).toBe(401);
    expect(await head.text()).toBe('');
    const override = await fetch(`${origin}/guarded`, {
      method: 'POST',
      headers: { 'X-HTTP-Method-Override': 'OPTIONS' },
    });
    expect(override.status).toBe(401);
    for (const path of [
      '/guarded/',
      '/GUARDED',
      '//guarded',
      '/%67uarded',
      '/x/../guarded',
      '/guarded%2f',
      '/guarded?x',
    ])
      expect([401, 404]).toContain((await fetch(origin + path)).status);
  });
});

describe('G7 whatever configuration or claims say, the challenge is one valid header', () => {
  it.each(['a"b', 'a\\b', 'a\r\nSet-Cookie: x=1', 'ünï', '🔑', '\u0000', 'a, error="x"'])(
    'a realm of %j',
    async (realm) => {
      const issuer = await createTestIssuer({ algorithm: 'ES256' });
      const verifier = createVerifier({ issuers: issuer.policy, realm });
      const express = expressVersions[0]?.express;
      if (!express) throw new Error('no Express');
      const app = express();
      app.get('/', requireAuth(verifier));
      app.use(errorHandler());
      const { origin } = await serve(app);
      const { port } = new URL(origin);
      const socket = connect(Number(port), '127.0.0.1');
      socket.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      let answer = '';
      socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
      await once(socket, 'close');
      expect(answer).toMatch(/^HTTP\/1\.1 401 /);
      const challenges = answer.split('\r\n').filter((line) => /^www-authenticate:/i.test(line));
      expect(challenges).toHaveLength(1);
      expect(challenges[0]).toMatch(
        /^www-authenticate: Bearer realm="[\x20-\x21\x23-\x5B\x5D-\x7E]*"$/i,
      );
      expect(answer).not.toMatch(/^set-cookie/im);
    },
  );

  it('scopes with characters that the grammar forbids are left out', () => {
    const { headers } = new AuthError('INSUFFICIENT_SCOPE', {
      scopes: ['read', 'wr"ite', 'x\r\ny', 'ü'],
    });
    expect(headers['WWW-Authenticate']).toBe(
      'Bearer realm="api", error="insufficient_scope", scope="read"',
    );
  });
});

describe('G8 and T4 what an answer says', () => {
  it('no error holds the token, a key or a stack, with our error handler or Express\u2019 own', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: issuer.policy });
    for (const { express } of expressVersions)
      for (const handler of [true, false]) {
        const app = express();
        app.get('/', requireAuth(verifier), requireScopes('admin'));
        if (handler) app.use(errorHandler());
        const { origin } = await serve(app);
        const bad = (await issuer.forge.foreignKey())[0]?.token ?? '';
        for (const token of [bad, await issuer.mint(), 'x.y.z']) {
          const response = await fetch(origin, { headers: { Authorization: `Bearer ${token}` } });
          const text = JSON.stringify([...response.headers]) + (await response.text());
          expect([401, 403]).toContain(response.status);
          expect(response.headers.get('cache-control')).toBe('no-store');
          expect(response.headers.get('www-authenticate')).toMatch(/^Bearer realm="api", error="/);
          for (const part of token.split('.').filter(({ length }) => length > 8))
            expect(text).not.toContain(part);
          expect(text).not.toMatch(/node_modules|lib\/|\.ts:|at \w+ \(/);
        }
      }
  });

  it('44 answers of a route with optional sign-in say that they depend on the credential', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: issuer.policy });
    for (const { express } of expressVersions) {
      const app = express();
      app.get('/', optionalAuth(verifier), (_req, res) => void res.vary('Accept').json({}));
      const { origin } = await serve(app);
      expect((await fetch(origin)).headers.get('vary')).toBe('Authorization, Accept');
    }
  });
});
