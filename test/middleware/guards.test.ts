import type { RequestHandler } from 'express';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AuthError,
  createVerifier,
  errorHandler,
  optionalAuth,
  orgContext,
  type PrincipalPatch,
  requireAnyScope,
  requireAuth,
  requireAuthContext,
  requireRoles,
  requireScopes,
  type VerifierOptions,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

describe.each(expressVersions)('guards on $name', ({ express }) => {
  async function createWorld(options: Partial<VerifierOptions> = {}) {
    const clock = createClock();
    const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt', now: clock.now });
    const events = createEventLog();
    const verifier = createVerifier({ issuers: issuer.policy, now: clock.now, events, ...options });
    /** Serves the guards before a handler that tells who came. */
    async function guarded(...guards: RequestHandler[]) {
      const app = express();
      app.use((req, _res, next) => {
        req.id = 'request-1';
        next();
      });
      app.get('/', ...guards, (req, res) => {
        const { auth } = req;
        res.json({ subject: auth?.subject, user: auth?.user, method: auth?.method });
      });
      app.use(errorHandler());
      const { origin } = await serve(app);
      return async (token?: string) => {
        const response = await fetch(
          origin,
          token ? { headers: { Authorization: `Bearer ${token}` } } : {},
        );
        const body = (await response.json()) as Record<string, unknown>;
        return { status: response.status, headers: response.headers, body };
      };
    }
    return { clock, issuer, verifier, events, guarded };
  }

  describe('requireAuth', () => {
    it('lets a valid token through and sets req.auth', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      const get = await guarded(requireAuth(verifier));
      for (let use = 0; use < 2; use += 1) {
        const { status, body } = await get(await issuer.mint({ sub: 'u', email: 'u@a.test' }));
        expect(status).toBe(200);
        expect(body).toMatchObject({
          subject: 'u',
          method: 'jwt',
          user: { id: 'u', email: 'u@a.test' },
        });
      }
    });

    it('6750 §3 answers a request without credential with a bare challenge', async () => {
      const { verifier, guarded, events } = await createWorld({ realm: 'invoices' });
      const { status, headers, body } = await (await guarded(requireAuth(verifier)))();
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBe('Bearer realm="invoices"');
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(body).toMatchObject({ code: 'CREDENTIALS_MISSING', status: 401 });
      expect(body).not.toHaveProperty('error');
      expect(events.of('token.refused')).toEqual([]);
    });

    it('answers an expired token with invalid_token and the time', async () => {
      const { issuer, verifier, guarded, clock, events } = await createWorld();
      const get = await guarded(requireAuth(verifier));
      const exp = clock.now() / 1000 - 60;
      const { status, headers, body } = await get(await issuer.mint({ exp, iat: exp - 60 }));
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBe('Bearer realm="api", error="invalid_token"');
      expect(body).toMatchObject({
        code: 'TOKEN_EXPIRED',
        expired_at: '2027-01-15T07:59:00Z',
      });
      expect(events.of('token.refused')).toMatchObject([
        {
          code: 'TOKEN_EXPIRED',
          reason: 'expired',
          requestId: 'request-1',
          ip: expect.stringContaining('127.0.0.1'),
        },
      ]);
    });

    it('answers an outage of the keys with 503 and Retry-After, and emits no refusal', async () => {
      const { issuer, verifier, guarded, events } = await createWorld();
      issuer.goDown();
      const { status, headers, body } = await (
        await guarded(requireAuth(verifier))
      )(await issuer.mint());
      expect(status).toBe(503);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(headers.get('www-authenticate')).toBeNull();
      expect(body).toMatchObject({ code: 'KEYS_UNAVAILABLE' });
      expect(events.of('token.refused')).toEqual([]);
    });

    it('D9 with userOnly refuses the token that a client got for itself with 403', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      const get = await guarded(requireAuth(verifier, { userOnly: true }));
      const machines = [
        { sub: 'client-1', client_id: 'client-1' },
        {
          sub: 'client-1@clients',
          client_id: undefined,
          azp: 'client-1',
          gty: 'client-credentials',
        },
        { sub: 'object-1', oid: 'object-1', ver: '2.0' },
        { sub: 'x', idtyp: 'app' },
        { sub: 'uuid', azp: 'bot', client_id: 'bot', preferred_username: 'service-account-bot' },
      ];
      for (const claims of machines)
        expect(await get(await issuer.mint(claims))).toMatchObject({
          status: 403,
          body: { code: 'INSUFFICIENT_ROLE' },
        });
      expect((await get(await issuer.mint())).status).toBe(200);
    });

    it('E10 with issuers takes only the tokens of the tenant the request is for', async () => {
      const a = await createTestIssuer({ algorithm: 'ES256', issuer: 'https://a.test' });
      const b = await createTestIssuer({ algorithm: 'ES256', issuer: 'https://b.test' });
      const verifier = createVerifier({ issuers: [a.policy, b.policy] });
      const { guarded } = await createWorld();
      const byRequest = await guarded(requireAuth(verifier, { issuers: () => ['https://a.test'] }));
      const byList = await guarded(requireAuth(verifier, { issuers: ['https://a.test'] }));
      for (const get of [byRequest, byList]) {
        expect((await get(await a.mint())).status).toBe(200);
        expect(await get(await b.mint())).toMatchObject({
          status: 401,
          body: { code: 'INVALID_TOKEN' },
        });
      }
    });

    it('a devToken serves requests without credential, is verified, and never replaces a bad one', async () => {
      const { issuer, verifier, guarded, clock } = await createWorld();
      const devToken = await issuer.mint({ sub: 'dev' });
      const get = await guarded(requireAuth(verifier, {}, { devToken }));
      expect(await get()).toMatchObject({ status: 200, body: { subject: 'dev', method: 'dev' } });
      expect((await get('junk')).status).toBe(401);
      expect(await get(await issuer.mint())).toMatchObject({ body: { method: 'jwt' } });
      clock.advance(3600);
      expect((await get()).status).toBe(401);
    });
  });

  describe('loadPrincipal', () => {
    it('replaces what the database knows better and keeps what the token vouches for', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      const loadPrincipal = async () => ({ roles: ['admin'], groups: ['g'] });
      const get = await guarded(
        requireAuth(verifier, { loadPrincipal }),
        requireRoles('admin'),
        requireScopes('read'),
      );
      const { status, body } = await get(
        await issuer.mint({ scope: 'read', roles: ['user'], email: 'u@a.test' }),
      );
      expect(status).toBe(200);
      expect(body).toMatchObject({ user: { roles: ['admin'], groups: ['g'], email: 'u@a.test' } });
    });

    it.each([
      { title: 'null: no such user any more', answer: null, status: 401, code: 'INVALID_TOKEN' },
      { title: 'undefined', answer: undefined, status: 401, code: 'INVALID_TOKEN' },
      { title: 'nothing to change', answer: {}, status: 200, code: undefined },
      {
        title: 'an AuthError thrown',
        answer: new AuthError('PASSWORD_CHANGE_REQUIRED'),
        status: 403,
        code: 'PASSWORD_CHANGE_REQUIRED',
      },
      {
        title: 'another error thrown',
        answer: new Error('secret detail'),
        status: 503,
        code: 'STORE_UNAVAILABLE',
      },
    ])('$title: $status', async ({ answer, status, code }) => {
      const { issuer, verifier, guarded } = await createWorld();
      const loadPrincipal = (): PrincipalPatch | null | undefined => {
        if (answer instanceof Error) throw answer;
        return answer;
      };
      const result = await (
        await guarded(requireAuth(verifier, { loadPrincipal }))
      )(await issuer.mint());
      expect(result.status).toBe(status);
      expect(result.body['code']).toBe(code);
      expect(JSON.stringify(result.body)).not.toContain('secret detail');
    });

    it.each([
      { title: 'a column that is no fact of a user', patch: { password_hash: '$argon2id$…' } },
      { title: 'an id', patch: { id: 'somebody-else' } },
      { title: 'a subject', patch: { subject: 'somebody-else' } },
      { title: 'scopes', patch: { scopes: ['admin'] } },
      { title: 'one role as text', patch: { roles: 'admin' } },
      { title: 'roles that are undefined', patch: { roles: undefined } },
      { title: 'roles that are no texts', patch: { roles: [1] } },
      { title: 'an address that is no text', patch: { email: ['a@b.test'] } },
      { title: 'an attribute that is a function', patch: { attributes: { region: () => 'eu' } } },
      { title: 'organisations by id', patch: { orgs: { a: ['admin'] } } },
      { title: 'an organisation with more members', patch: { orgs: [{ id: 'a', secret: 'x' }] } },
      { title: 'a list', patch: [{ roles: ['admin'] }] },
      { title: 'a text', patch: 'admin' },
    ])('that returns $title is 503, and a warning names the member once', async ({ patch }) => {
      const { issuer, verifier, guarded, events } = await createWorld();
      const warnings: Error[] = [];
      const listen = (warning: Error) => void warnings.push(warning);
      process.on('warning', listen);
      onTestFinished(() => void process.off('warning', listen));
      const get = await guarded(requireAuth(verifier, { loadPrincipal: () => patch as never }));
      for (let use = 0; use < 2; use += 1) {
        const { status, body } = await get(await issuer.mint());
        expect({ status, code: body['code'] }).toEqual({ status: 503, code: 'STORE_UNAVAILABLE' });
      }
      expect(warnings.map(({ name }) => name)).toEqual(['LatchkeyWarning']);
      expect(warnings[0]?.message).toMatch(/^loadPrincipal\(\)/);
      expect(warnings[0]?.message).not.toMatch(/argon2|somebody-else|a@b/);
      expect(events.of('hook.failed')).toHaveLength(2);
    });

    it('clears an address that the database has as null, and copies what may be copied', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      const patch = {
        email: null,
        attributes: { region: 'eu', levels: [1, 2], manager: null },
        orgs: [{ id: 'a', roles: ['owner'] }],
      };
      const loadPrincipal = () => patch;
      const get = await guarded(
        requireAuth(verifier, { loadPrincipal }),
        orgContext(),
        requireRoles('owner', { of: 'org' }),
      );
      const { status, body } = await get(await issuer.mint({ email: 'u@a.test' }));
      expect(status).toBe(200);
      expect(body['user']).toMatchObject({ attributes: patch.attributes });
      expect(body['user']).not.toHaveProperty('email');
    });

    it('asks on every request, or as often as its time to live says, once for all who ask together', async () => {
      const { issuer, verifier, guarded, clock } = await createWorld();
      let asked = 0;
      const load = async () => {
        asked += 1;
        await delay(5);
        return {};
      };
      const token = await issuer.mint({ exp: clock.now() / 1000 + 3600 });
      const each = await guarded(requireAuth(verifier, { loadPrincipal: load }));
      await each(token);
      await each(token);
      expect(asked).toBe(2);
      const cached = await guarded(
        requireAuth(verifier, {
          loadPrincipal: { load, ttlSeconds: 30, maxEntries: 2 },
        }),
      );
      asked = 0;
      await Promise.all(Array.from({ length: 10 }, () => cached(token)));
      expect(asked).toBe(1);
      clock.advance(30);
      await cached(token);
      expect(asked).toBe(2);
      await cached(await issuer.mint({ sub: 'second' }));
      await cached(await issuer.mint({ sub: 'third' }));
      await cached(token);
      expect(asked).toBe(5);
    });

    it('does not keep a failure, and keeps answers apart by the given key', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      let fails = true;
      const get = await guarded(
        requireAuth(verifier, {
          loadPrincipal: {
            load: ({ sessionId }) => {
              if (fails) throw new Error('down');
              return { roles: [String(sessionId)] };
            },
            ttlSeconds: 60,
            key: ({ sessionId }) => String(sessionId),
          },
        }),
      );
      expect((await get(await issuer.mint({ sid: 'one' }))).status).toBe(503);
      fails = false;
      expect(await get(await issuer.mint({ sid: 'one' }))).toMatchObject({
        body: { user: { roles: ['one'] } },
      });
      expect(await get(await issuer.mint({ sid: 'two' }))).toMatchObject({
        body: { user: { roles: ['two'] } },
      });
    });
  });

  describe('optionalAuth', () => {
    it('lets anonymous requests pass without req.auth, and other schemes too', async () => {
      const { verifier, guarded } = await createWorld();
      const get = await guarded(optionalAuth(verifier));
      const { status, body } = await get();
      expect(status).toBe(200);
      expect(body).not.toHaveProperty('subject');
    });

    it('refuses a token that is there but bad, at once or after a fetch', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      const get = await guarded(optionalAuth(verifier));
      expect((await get('junk')).status).toBe(401);
      expect((await get((await issuer.forge.foreignKey())[0]?.token)).status).toBe(401);
      expect(await get(await issuer.mint())).toMatchObject({
        status: 200,
        body: { subject: 'user-1' },
      });
      expect(await get(await issuer.mint())).toMatchObject({
        status: 200,
        body: { subject: 'user-1' },
      });
    });

    it('when lenient treats a bad token as none, but never hides an outage', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      const get = await guarded(optionalAuth(verifier, { lenient: true }));
      issuer.goDown();
      expect((await get(await issuer.mint())).status).toBe(503);
      expect(await get('junk')).toMatchObject({ status: 200, body: {} });
    });
  });

  describe('requireScopes and requireAnyScope', () => {
    it('answer 401 when no guard before them has authenticated the request', async () => {
      const { issuer, guarded } = await createWorld();
      for (const guard of [
        requireScopes('a'),
        requireAnyScope('a'),
        requireRoles('a'),
        requireRoles('a', { of: 'org' }),
        requireAuthContext({ maxAgeSeconds: 1 }),
      ])
        expect(await (await guarded(guard))(await issuer.mint())).toMatchObject({
          status: 401,
          body: { code: 'CREDENTIALS_MISSING' },
        });
    });

    it('want every scope, or any of them, and name them in the challenge', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      const all = await guarded(requireAuth(verifier), requireScopes('read', 'write'));
      const any = await guarded(requireAuth(verifier), requireAnyScope('read', 'write'));
      const refused = await all(await issuer.mint({ scope: 'read' }));
      expect(refused.status).toBe(403);
      expect(refused.headers.get('www-authenticate')).toBe(
        'Bearer realm="api", error="insufficient_scope", scope="read write"',
      );
      expect(refused.body).toMatchObject({
        code: 'INSUFFICIENT_SCOPE',
        error: 'insufficient_scope',
        scope: 'read write',
      });
      expect((await all(await issuer.mint({ scope: 'write other read' }))).status).toBe(200);
      expect((await any(await issuer.mint({ scope: 'write' }))).status).toBe(200);
      expect((await any(await issuer.mint({ scope: 'other' }))).status).toBe(403);
    });

    it('D6 and D7 nothing but the very scope grants it', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      const get = await guarded(requireAuth(verifier), requireScopes('read'));
      const refused = await issuer.forge.scopes('read');
      expect(refused.length).toBeGreaterThan(5);
      for (const { title, token } of refused) expect((await get(token)).status, title).toBe(403);
    });
  });

  describe('requireRoles', () => {
    it('wants every role, or any of them, of the user', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      const all = await guarded(requireAuth(verifier), requireRoles('admin', 'editor'));
      const any = await guarded(
        requireAuth(verifier),
        requireRoles('admin', 'editor', { match: 'any' }),
      );
      const editor = await issuer.mint({ roles: ['editor'] });
      expect(await all(editor)).toMatchObject({ status: 403, body: { code: 'INSUFFICIENT_ROLE' } });
      expect((await all(editor)).headers.get('www-authenticate')).toBeNull();
      expect((await any(editor)).status).toBe(200);
      expect((await all(await issuer.mint({ roles: ['editor', 'admin'] }))).status).toBe(200);
      for (const roles of [
        'not-admin',
        ['not-admin'],
        'admin editor',
        { admin: true },
        [['admin']],
        ['Admin'],
      ])
        expect((await any(await issuer.mint({ roles }))).status).toBe(403);
    });

    it('of the organisation: 400 when none was chosen', async () => {
      const { issuer, verifier, guarded } = await createWorld();
      const get = await guarded(requireAuth(verifier), requireRoles('admin', { of: 'org' }));
      expect(await get(await issuer.mint({ roles: ['admin'] }))).toMatchObject({
        status: 400,
        body: { code: 'ORG_REQUIRED' },
      });
    });
  });

  it.each([
    { title: 'every scope by default', options: [], scope: 'a b', missing: 'a' },
    {
      title: 'one scope with `match: any`',
      options: [{ match: 'any' as const }],
      scope: 'b',
      missing: 'c',
    },
  ])('requireScopes() wants $title', async ({ options, scope, missing }) => {
    const { issuer, verifier, guarded } = await createWorld();
    const get = await guarded(requireAuth(verifier), requireScopes('a', 'b', ...options));
    expect((await get(await issuer.mint({ scope }))).status).toBe(200);
    const refused = await get(await issuer.mint({ scope: missing }));
    expect(refused).toMatchObject({ status: 403, body: { code: 'INSUFFICIENT_SCOPE' } });
    expect(refused.headers.get('www-authenticate')).toContain('scope="a b"');
  });

  it.each([
    { title: 'a list instead of arguments', make: () => requireScopes(['a'] as never) },
    { title: 'options alone', make: () => requireScopes({ match: 'any' }) },
    { title: 'an unknown match', make: () => requireScopes('a', { match: 'some' as never }) },
    { title: 'an unknown option', make: () => requireScopes('a', { mode: 'any' } as never) },
    { title: 'options in the middle', make: () => requireScopes('a', { match: 'any' }, 'b') },
  ])('requireScopes() with $title is a TypeError', ({ make }) => {
    expect(make).toThrow(TypeError);
  });

  describe('requireAuthContext', () => {
    it('9470 challenges a token whose sign-in was too weak or too long ago', async () => {
      const { issuer, verifier, guarded, clock } = await createWorld();
      const demands = { acrValues: ['mfa', 'phr'], maxAgeSeconds: 300 };
      const context = requireAuthContext(demands, { now: clock.now });
      const get = await guarded(requireAuth(verifier), context);
      const nowSeconds = clock.now() / 1000;
      const refused = [
        {},
        { acr: 'pwd', auth_time: nowSeconds },
        { acr: 'mfa' },
        { acr: 'mfa', auth_time: 'now' },
        { acr: 'mfa', auth_time: nowSeconds - 301 },
        { acr: 'mfa phr', auth_time: nowSeconds },
      ];
      for (const claims of refused) {
        const { status, headers, body } = await get(await issuer.mint(claims));
        expect(status).toBe(401);
        expect(headers.get('www-authenticate')).toBe(
          'Bearer realm="api", error="insufficient_user_authentication", acr_values="mfa phr", max_age="300"',
        );
        expect(body).toMatchObject({
          code: 'AUTH_CONTEXT_REQUIRED',
          acr_values: 'mfa phr',
          max_age: 300,
        });
      }
      for (const acr of ['mfa', 'phr', ['pwd', 'phr']])
        expect((await get(await issuer.mint({ acr, auth_time: nowSeconds - 300 }))).status).toBe(
          200,
        );
    });
  });
});
