import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import express from 'express';
import { SignJWT } from 'jose';
import { AuthError, type AuthOptions, ConfigError, createAuth, orgOf, principalOf } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { keyPair } from './world/key-pairs.js';
import { serve } from './world/serve.js';

const publicUrl = 'https://app.test';
const secret = randomBytes(48).toString('base64');

/** A suite that sees no variable of the machine it runs on. */
function create(options: AuthOptions = {}) {
  return createAuth({ env: {}, onWarning: () => {}, ...options });
}

function mint(
  key: Parameters<SignJWT['sign']>[0],
  alg: string,
  { typ = 'at+jwt', ...claims }: { typ?: string; [claim: string]: unknown } = {},
): Promise<string> {
  return new SignJWT({ sub: 'user-1', client_id: 'web', ...claims })
    .setProtectedHeader({ alg, typ })
    .setIssuedAt()
    .setJti(randomUUID())
    .setIssuer(publicUrl)
    .setAudience(publicUrl)
    .setExpirationTime('5m')
    .sign(key);
}

function requestWith(token?: string) {
  return { headers: token ? { authorization: `Bearer ${token}` } : {} };
}

describe('createAuth', () => {
  it('verifies with the secret of the environment, and with the previous ones', async () => {
    const previous = randomBytes(32).toString('hex');
    const auth = create({
      env: {
        AUTH_PUBLIC_URL: publicUrl,
        AUTH_JWT_SECRET: secret,
        AUTH_JWT_SECRET_PREVIOUS: previous,
      },
    });
    for (const key of [secret, previous])
      await expect(
        auth.authenticate(requestWith(await mint(Buffer.from(key), 'HS256'))),
      ).resolves.toMatchObject({
        subject: 'user-1',
        issuer: publicUrl,
      });
    const stranger = await mint(randomBytes(32), 'HS256');
    await expect(auth.authenticate(requestWith(stranger))).rejects.toMatchObject({
      code: 'INVALID_TOKEN',
    });
  });

  it.each([
    { form: 'a private PEM', setting: 'privateKey', type: 'pem' },
    { form: 'a private JWK', setting: 'privateKey', type: 'jwk' },
    { form: 'a public PEM', setting: 'publicKey', type: 'pem' },
    { form: 'a public JWK', setting: 'publicKey', type: 'jwk' },
  ] as const)('verifies with $form', async ({ setting, type }) => {
    const pair = keyPair('P-256');
    const key = pair[setting];
    const text =
      type === 'jwk'
        ? JSON.stringify(key.export({ format: 'jwk' }))
        : key.export({ format: 'pem', type: setting === 'privateKey' ? 'pkcs8' : 'spki' } as never);
    const auth = create({ publicUrl, secret, jwt: { [setting]: text } });
    const token = await mint(pair.privateKey, 'ES256');
    await expect(auth.authenticate(requestWith(token))).resolves.toMatchObject({
      subject: 'user-1',
    });
  });

  it.each([
    { title: 'of the type JWT', claims: { typ: 'JWT' }, reason: 'type' },
    { title: 'without a subject', claims: { sub: undefined }, reason: 'subject' },
    {
      title: 'of the type of an ID token',
      claims: { nonce: 'n', at_hash: 'h' },
      reason: 'token_kind',
    },
  ])('takes no token $title for its own, whoever signed it with the secret', async (row) => {
    const auth = create({ publicUrl, jwt: { secret } });
    const token = await mint(Buffer.from(secret), 'HS256', row.claims);
    await expect(auth.authenticate(requestWith(token))).rejects.toMatchObject({
      code: 'INVALID_TOKEN',
      reason: row.reason,
    });
  });

  it('takes a token of the type at+jwt for its own, whatever other claims it lacks', async () => {
    const auth = create({ publicUrl, jwt: { secret } });
    const token = await mint(Buffer.from(secret), 'HS256', { client_id: undefined });
    await expect(auth.authenticate(requestWith(token))).resolves.toMatchObject({
      subject: 'user-1',
    });
  });

  it('takes the tokens of a former issuer that had the same secret, as a trusted issuer of its own', async () => {
    const formerIssuer = 'https://old.app.test';
    const auth = create({
      env: {
        AUTH_PUBLIC_URL: publicUrl,
        AUTH_JWT_SECRET: secret,
        AUTH_TRUSTED_ISSUERS: JSON.stringify({
          issuer: formerIssuer,
          audience: publicUrl,
          keys: { secret },
          claims: { userId: 'user_id', roles: 'role' },
        }),
      },
    });
    const token = await new SignJWT({ sub: 'alice', user_id: 42, role: 'admin' })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(formerIssuer)
      .setAudience(publicUrl)
      .setExpirationTime('7d')
      .sign(Buffer.from(secret));
    expect((await auth.authenticate(requestWith(token))).user).toMatchObject({
      id: '42',
      roles: ['admin'],
    });
  });

  it('code wins over the environment', () => {
    const auth = create({
      env: { AUTH_PUBLIC_URL: 'https://env.test', AUTH_JWT_SECRET: secret },
      publicUrl,
    });
    expect(auth.config.publicUrl).toBe(publicUrl);
    expect(auth.config.jwt.secret).toBe(secret);
  });

  it('maps claims as the settings say', async () => {
    const env = {
      AUTH_PUBLIC_URL: publicUrl,
      AUTH_JWT_SECRET: secret,
      AUTH_CLAIMS_PRESET: 'keycloak',
      AUTH_CLAIMS_USER_ID: 'user_id',
    };
    const token = await mint(Buffer.from(secret), 'HS256', {
      user_id: 42,
      realm_access: { roles: ['admin'] },
    });
    const principal = await create({ env }).authenticate(requestWith(token));
    expect(principal.user).toMatchObject({ id: '42', roles: ['admin'] });
  });

  it('accepts trusted issuers from the environment or from code', async () => {
    const [one, two] = await Promise.all([
      createTestIssuer({ algorithm: 'ES256', issuer: 'https://one.test' }),
      createTestIssuer({ algorithm: 'ES256', issuer: 'https://two.test' }),
    ]);
    const listed = { issuer: one.issuer, audience: one.audience, keys: { jwks: one.jwks() } };
    const byVariable = create({ env: { AUTH_TRUSTED_ISSUERS: JSON.stringify([listed]) } });
    const byCode = create({ env: {}, trustedIssuers: [two.policy] });
    for (const { auth, issuer } of [
      { auth: byVariable, issuer: one },
      { auth: byCode, issuer: two },
    ])
      await expect(auth.authenticate(requestWith(await issuer.mint()))).resolves.toMatchObject({
        issuer: issuer.issuer,
      });
  });

  it('stops the application with every problem of the settings at once', () => {
    const env = { NODE_ENV: 'production', AUTH_JWT_SECRET: 'short', AUTH_RATE_LIMIT: 'many' };
    let thrown: unknown;
    try {
      create({ env });
    } catch (error) {
      thrown = error;
    }
    const { problems } = thrown as ConfigError;
    expect(thrown).toBeInstanceOf(ConfigError);
    expect(problems.map(({ setting }) => setting)).toEqual(
      expect.arrayContaining([
        'AUTH_PUBLIC_URL',
        'AUTH_JWT_SECRET',
        'AUTH_RATE_LIMIT',
        'AUTH_STORE_URL',
      ]),
    );
  });

  it('stops the application when nobody\u2019s tokens could be accepted, or an option is misspelt', () => {
    expect(() => create({ publicUrl })).toThrow(TypeError);
    expect(() =>
      create({ publicUrl, jwt: { secret }, loadPrincpal: () => ({}) } as AuthOptions),
    ).toThrow(/loadPrincpal/);
  });

  it('in production takes no keys over http, loopback or not', () => {
    const issuers = [
      { issuer: 'http://127.0.0.1:9', audience: 'a', keys: { discovery: true } },
    ] as const;
    expect(() => create({ issuers })).not.toThrow();
    const env = { NODE_ENV: 'production', AUTH_PUBLIC_URL: publicUrl, AUTH_STORE_URL: 'memory:' };
    expect(() => create({ env, issuers })).toThrow(TypeError);
  });

  it('in stand-alone development a request without credential uses the given token', async () => {
    const devToken = await mint(Buffer.from(secret), 'HS256', { sub: 'developer' });
    const env = {
      AUTH_PUBLIC_URL: publicUrl,
      AUTH_JWT_SECRET: secret,
      AUTH_STANDALONE: 'true',
      AUTH_DEV_TOKEN: devToken,
    };
    const auth = create({ env });
    const app = express();
    app.get('/', auth.requireAuth(), (req, res) => {
      const { subject, method } = principalOf(req);
      res.json({ subject, method });
    });
    const { origin } = await serve(app);
    expect(await (await fetch(origin)).json()).toEqual({ subject: 'developer', method: 'dev' });
    await expect(auth.authenticate(requestWith())).resolves.toMatchObject({ method: 'dev' });
    expect(() =>
      create({ env: { ...env, NODE_ENV: 'production', AUTH_STORE_URL: 'memory:' } }),
    ).toThrow(ConfigError);
  });
});

describe('the reason for refusing a token', () => {
  async function refusal(options: AuthOptions, env: Record<string, string> = {}) {
    const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt' });
    const auth = create({ env, trustedIssuers: [issuer.policy], ...options });
    const app = express();
    app.get('/', auth.requireAuth(), (_req, res) => void res.end());
    app.use(auth.errorHandler());
    const { origin } = await serve(app);
    const authorization = `Bearer ${await issuer.mint({ aud: 'https://other.test' })}`;
    return (await fetch(origin, { headers: { authorization } })).json();
  }

  it('stands in the problem outside production', async () => {
    expect(await refusal({})).toMatchObject({ code: 'INVALID_TOKEN', reason: 'audience' });
  });

  it('is for the event alone in production', async () => {
    const problem = await refusal({}, { NODE_ENV: 'production' });
    expect(problem).toMatchObject({ code: 'INVALID_TOKEN' });
    expect(problem).not.toHaveProperty('reason');
  });
});

describe('the suite in one application', () => {
  async function createWorld() {
    const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt' });
    const auth = create({
      trustedIssuers: [{ ...issuer.policy, allowedOrgs: ['o1'] }],
      corsOrigins: ['https://front.test'],
      frameAncestors: ['https://platform.test'],
      publicUrl,
      realm: 'suite',
      loadPrincipal: ({ subject }) =>
        subject === 'gone' ? null : { roles: [`loaded-${subject}`] },
    });
    const app = express();
    app.use(auth.securityHeaders());
    app.get('/me', auth.requireAuth(), (req, res) => void res.json(principalOf(req).user));
    app.get(
      '/scoped',
      auth.requireAuth(),
      auth.requireScopes('a'),
      auth.requireAnyScope('a', 'b'),
      auth.requireRoles('loaded-user-1'),
      (_req, res) => void res.json({}),
    );
    app.get(
      '/fresh',
      auth.requireAuth(),
      auth.requireAuthContext({ maxAgeSeconds: 60 }),
      (_req, res) => void res.json({}),
    );
    app.get('/open', auth.optionalAuth(), (_req, res) => void res.json({}));
    app.get('/org', auth.requireAuth(), auth.orgContext(), (req, res) => void res.json(orgOf(req)));
    app.post('/form', auth.sameOrigin(), (_req, res) => void res.json({}));
    app.use(auth.errorHandler());
    const { origin } = await serve(app);
    const get = async (
      path: string,
      claims?: Record<string, unknown>,
      init: { method?: string; headers?: Record<string, string> } = {},
    ) => {
      const authorization = claims ? { Authorization: `Bearer ${await issuer.mint(claims)}` } : {};
      return fetch(origin + path, {
        ...init,
        headers: { ...authorization, ...init.headers },
      });
    };
    return { auth, issuer, get };
  }

  it('every part works from one place', async () => {
    const { get } = await createWorld();
    expect(await (await get('/me', {})).json()).toMatchObject({
      id: 'user-1',
      roles: ['loaded-user-1'],
    });
    expect((await get('/me', { sub: 'gone' })).status).toBe(401);
    expect((await get('/scoped', { scope: 'a' })).status).toBe(200);
    expect((await get('/scoped', {})).status).toBe(403);
    expect((await get('/fresh', {})).headers.get('www-authenticate')).toMatch(
      /^Bearer realm="suite", error="insufficient_user_authentication"/,
    );
    expect((await get('/open')).status).toBe(200);
    expect(await (await get('/org', { orgs: ['o1'] })).json()).toEqual({
      id: 'o1',
      source: 'claim',
      scopes: [],
      roles: [],
    });
  });

  it('edge settings reach the middlewares', async () => {
    const { get } = await createWorld();
    const response = await get('/open', undefined, { headers: { Origin: 'https://front.test' } });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://front.test');
    expect(response.headers.get('content-security-policy')).toContain(
      'frame-ancestors https://platform.test',
    );
    const post = async (Origin: string) =>
      (await get('/form', undefined, { method: 'POST', headers: { Origin } })).status;
    expect(await post(publicUrl)).toBe(200);
    expect(await post('https://front.test')).toBe(200);
    expect(await post('https://evil.test')).toBe(403);
  });

  it('AUTH_SECURITY_HEADERS=off leaves the headers to somebody else', async () => {
    const auth = create({ publicUrl, jwt: { secret }, securityHeaders: false });
    const app = express();
    app.use(auth.securityHeaders(), (_req, res) => void res.json({}));
    const { origin } = await serve(app);
    expect((await fetch(origin)).headers.get('content-security-policy')).toBeNull();
  });

  it('tells listeners and diagnostics channels, and a listener that throws changes no answer', async () => {
    const { auth, get } = await createWorld();
    const heard: unknown[] = [];
    const stop = auth.on('token.refused', (event) => heard.push(event));
    auth.on('token.refused', () => {
      throw new Error('listener');
    });
    const published: unknown[] = [];
    const listen = (event: unknown) => void published.push(event);
    subscribe('latchkey:access.denied', listen);
    onTestFinished(() => void unsubscribe('latchkey:access.denied', listen));
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => warnings.mockRestore());
    expect((await get('/me', { aud: 'other' })).status).toBe(401);
    expect((await get('/scoped', {})).status).toBe(403);
    expect(heard).toMatchObject([
      { code: 'INVALID_TOKEN', reason: 'audience', requestId: expect.any(String) },
    ]);
    expect(published).toMatchObject([{ code: 'INSUFFICIENT_SCOPE', subject: 'user-1' }]);
    expect(warnings).toHaveBeenCalledTimes(1);
    stop();
    await get('/me', { aud: 'other' });
    expect(heard).toHaveLength(1);
  });

  it('authenticate() serves a WebSocket upgrade with the same rules', async () => {
    const { auth, issuer } = await createWorld();
    const outcomes: unknown[] = [];
    const server = createServer();
    server.on('upgrade', (req, socket) => {
      auth
        .authenticate(req)
        .then(
          ({ subject }) => outcomes.push(subject),
          (error: AuthError) => outcomes.push(error.code),
        )
        .finally(() => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const { request } = await import('node:http');
    for (const headers of [
      {},
      { Authorization: `Bearer ${await issuer.mint()}` },
      { Authorization: 'Bearer junk' },
    ])
      await new Promise((resolve) => {
        request({
          port,
          host: '127.0.0.1',
          headers: { Connection: 'Upgrade', Upgrade: 'websocket', ...headers },
        })
          .on('error', resolve)
          .on('close', resolve)
          .end();
      });
    expect(outcomes).toEqual(['CREDENTIALS_MISSING', 'user-1', 'INVALID_TOKEN']);
  });
});
