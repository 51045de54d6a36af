import {
  createVerifier,
  loadConfig,
  type IntrospectionOptions,
  type IssuerOptions,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { CLIENT, sendJson, serveIntrospection } from '../world/introspection-server.js';
import { refusalOf } from '../world/refusal-of.js';
import { createTokenSigner } from '../world/token-signer.js';

const AUDIENCE = 'https://invoices.example/api';
const TOKEN = 'opaque-token-that-is-secret';
const NOW = 1_800_000_000;
const GOOD = { active: true, sub: 'user-1', aud: AUDIENCE, scope: 'invoices:read', exp: NOW + 600 };

/** An endpoint that vouches for every token, and what a verifier needs to ask it. */
async function createWorld(introspection: Partial<IntrospectionOptions> = {}) {
  const server = await serveIntrospection(GOOD);
  const clock = createClock(NOW);
  const { issuer, endpoint } = server;
  const asked: IssuerOptions = {
    issuer,
    audience: AUDIENCE,
    keys: { introspection: { endpoint, ...CLIENT, ...introspection } },
  };
  const verifier = createVerifier({ issuers: asked, now: clock.now });
  return { server, clock, asked, verifier };
}

describe('options of introspection', () => {
  const endpoint = 'https://id.example/introspect';
  const other = { endpoint, ...CLIENT };
  const policy = (introspection: object, own: object = {}): unknown => ({
    issuer: 'https://id.example',
    audience: null,
    keys: { introspection },
    ...own,
  });
  const create = (...issuers: unknown[]) =>
    createVerifier({ issuers: issuers as IssuerOptions[], allowLoopbackHttp: false });

  it.each([
    { title: 'neither endpoint nor discovery', given: policy(CLIENT), says: /either `endpoint`/ },
    { title: 'both', given: policy({ ...other, discovery: true }), says: /either `endpoint`/ },
    { title: 'no client', given: policy({ ...other, clientId: '' }), says: /clientId/ },
    {
      title: 'no secret',
      given: policy({ ...other, clientSecret: undefined }),
      says: /clientSecret/,
    },
    {
      title: 'an unknown method',
      given: policy({ ...other, authMethod: 'none' }),
      says: /authMethod/,
    },
    { title: 'http', given: policy({ ...other, endpoint: 'http://id.example/' }), says: /https/ },
    {
      title: 'http by discovery',
      given: policy({ discovery: true, ...CLIENT }, { issuer: 'http://id.example' }),
      says: /https/,
    },
    {
      title: 'a long cache',
      given: policy({ ...other, cacheSeconds: 3601 }),
      says: /cacheSeconds/,
    },
    {
      title: 'half a second',
      given: policy({ ...other, cacheSeconds: 0.5 }),
      says: /whole number/,
    },
    {
      title: 'a long no',
      given: policy({ ...other, negativeCacheSeconds: 61 }),
      says: /negativeCache/,
    },
    { title: 'no entries', given: policy({ ...other, maxEntries: 0 }), says: /maxEntries/ },
    { title: 'no time', given: policy({ ...other, timeoutMs: 0 }), says: /timeoutMs/ },
    {
      title: 'a prefix no token has',
      given: policy({ ...other, tokenPrefix: 'a b' }),
      says: /tokenPrefix/,
    },
    {
      title: 'a misspelt option',
      given: policy({ ...other, cacheSecond: 1 }),
      says: /cacheSeconds/,
    },
    {
      title: 'a second source',
      given: policy(other, { keys: { introspection: other, discovery: true } }),
      says: /exactly one/,
    },
    {
      title: 'tenants',
      given: policy(other, { issuer: 'https://id.example/{tenantid}', tenants: ['a'] }),
      says: /tenants/,
    },
    { title: 'a profile of JWTs', given: policy(other, { profile: 'rfc9068' }), says: /profile/ },
    {
      title: 'algorithms without signed answers',
      given: policy(other, { algorithms: ['ES256'] }),
      says: /signedResponses/,
    },
    {
      title: 'answers signed by a secret',
      given: policy({ ...other, signedResponses: { secret: 'x' } }),
      says: /signedResponses/,
    },
    {
      title: 'answers signed by no key',
      given: policy({ ...other, signedResponses: { jwks: { keys: [] } } }),
      says: /jwks/,
    },
  ])('refuse $title', ({ given, says }) => {
    expect(() => create(given)).toThrow(TypeError);
    expect(() => create(given)).toThrow(says);
    expect(() => create(given)).not.toThrow(CLIENT.clientSecret);
  });

  it.each([
    { title: 'without prefixes', prefixes: [undefined, undefined] },
    { title: 'with one', prefixes: ['a_', undefined] },
    { title: 'with equal ones', prefixes: ['a_', 'a_'] },
    { title: 'with one that begins the other', prefixes: ['a_', 'a_b'] },
  ])('refuse two issuers $title', ({ prefixes }) => {
    const issuers = prefixes.map((tokenPrefix, index) =>
      policy(
        { ...other, ...(tokenPrefix && { tokenPrefix }) },
        { issuer: `https://${index}.example` },
      ),
    );
    expect(() => create(...issuers)).toThrow(/tokenPrefix/);
  });
});

describe('the setting AUTH_TRUSTED_ISSUERS', () => {
  it('is all that it takes', async () => {
    const { server, asked, clock } = await createWorld();
    const { trustedIssuers } = loadConfig({ env: { AUTH_TRUSTED_ISSUERS: JSON.stringify(asked) } });
    const verifier = createVerifier({ issuers: trustedIssuers, now: clock.now });
    expect(await verifier.verify(TOKEN)).toMatchObject({ method: 'opaque', subject: 'user-1' });
    expect(server.questions[0]?.headers.authorization).toMatch(/^Basic /);
  });
});

describe('which token is asked about', () => {
  it('none where no issuer is asked: the event says what it was', async () => {
    const verifier = createVerifier({
      issuers: {
        issuer: 'https://id.example',
        audience: null,
        keys: { secret: 'S'.repeat(20) + 'ecret-of-at-least-32-bytes' },
      },
    });
    expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ reason: 'opaque' });
  });

  it('one of several issuers, by its prefix', async () => {
    const [one, two] = [
      await createWorld({ tokenPrefix: 'one_' }),
      await createWorld({ tokenPrefix: 'two_' }),
    ];
    const verifier = createVerifier({ issuers: [one.asked, two.asked], now: one.clock.now });
    expect((await verifier.verify('two_token-of-the-second')).issuer).toBe(two.asked.issuer);
    expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ reason: 'opaque' });
    expect([one.server.questions.length, two.server.questions.length]).toEqual([0, 1]);
  });

  it.each([
    ['without dots', TOKEN],
    ['of base64 with padding', 'b3BhcXVlLXRva2VuLXRoYXQ+aXM/=='],
    ['of three segments that are no JWT', 'tenant-a.opaque-token.of-user-1'],
    ['of five segments, which is encrypted', 'eyJhbGciOiJkaXIifQ..aaaa.bbbb.cccc'],
  ])('a bearer token %s', async (_title, token) => {
    const { verifier, server } = await createWorld();
    expect(await verifier.verify(token)).toMatchObject({ method: 'opaque', token });
    expect(server.questions.map(({ form }) => form['token'])).toEqual([token]);
  });

  it('a JWT of a tenant that is known at run time, whose opaque tokens name no issuer', async () => {
    const { server, asked, clock } = await createWorld();
    const forger = await createTestIssuer({
      issuer: asked.issuer,
      algorithm: 'ES256',
      now: clock.now,
    });
    const verifier = createVerifier({
      resolveIssuer: (issuer) => (issuer === asked.issuer ? asked : undefined),
      now: clock.now,
    });
    const token = await forger.mint();
    expect(await verifier.verify(token)).toMatchObject({ method: 'opaque', subject: 'user-1' });
    await verifier.verify(token);
    expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ reason: 'opaque' });
    expect(server.questions).toHaveLength(1);
  });
});

describe('an answer', () => {
  it('counts for 30 s, then the issuer is asked again', async () => {
    const { verifier, server, clock } = await createWorld();
    for (const seconds of [0, 29]) {
      clock.advance(seconds);
      await verifier.verify(TOKEN);
    }
    expect(server.questions).toHaveLength(1);
    clock.advance(1);
    server.answer = { active: false };
    expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ reason: 'inactive' });
  });

  it('never counts past the end of the token, tolerance or not', async () => {
    const { verifier, server, clock } = await createWorld();
    server.answer = { ...GOOD, exp: NOW + 10 };
    await verifier.verify(TOKEN);
    clock.advance(10);
    server.answer = { active: false };
    expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ reason: 'inactive' });
  });

  it('counts from when it was asked for', async () => {
    const { verifier, server, clock } = await createWorld();
    server.answer = (response) => {
      clock.advance(20);
      sendJson(response, GOOD);
    };
    await verifier.verify(TOKEN);
    clock.advance(10);
    await verifier.verify(TOKEN);
    expect(server.questions).toHaveLength(2);
  });

  it('about a token without an end gives it 30 s', async () => {
    const { verifier, server, clock } = await createWorld();
    server.answer = { ...GOOD, exp: undefined };
    expect(await verifier.verify(TOKEN)).toMatchObject({ expiresAt: NOW + 30 });
    clock.advance(30);
    await verifier.verify(TOKEN);
    expect(server.questions).toHaveLength(2);
  });

  it.each([
    { title: 'with `cacheSeconds: 0`', own: { cacheSeconds: 0 } as const, tokenCache: {} },
    { title: 'with `tokenCache: false`', own: {}, tokenCache: false as const },
  ])(
    '$title is asked for with every request, also on one connection',
    async ({ own, tokenCache }) => {
      const { asked, server, clock } = await createWorld(own);
      const verifier = createVerifier({ issuers: asked, tokenCache, now: clock.now });
      const connection = {};
      for (let turn = 0; turn < 3; turn += 1) await verifier.verifyNow(TOKEN, connection);
      expect(server.questions).toHaveLength(3);
      expect(verifier.counters()).toMatchObject({ introspections: 3, cachedTokens: 0 });
    },
  );

  it('is known on its connection without a promise, as long as it counts', async () => {
    const { verifier, server, clock } = await createWorld();
    const connection = {};
    const first = await verifier.verifyNow(TOKEN, connection);
    expect(verifier.verifyNow(TOKEN, connection)).toBe(first);
    clock.advance(30);
    expect(verifier.verifyNow(TOKEN, connection)).toBeInstanceOf(Promise);
    await verifier.verifyNow(TOKEN, connection);
    expect(server.questions).toHaveLength(2);
  });

  it.each([
    { negativeCacheSeconds: 5, after: 4, questions: 1 },
    { negativeCacheSeconds: 5, after: 5, questions: 2 },
    { negativeCacheSeconds: 0, after: 0, questions: 2 },
  ])('"no" counts for $negativeCacheSeconds s: $questions after $after s', async (row) => {
    const { negativeCacheSeconds, after, questions } = row;
    const { verifier, server, clock } = await createWorld({ negativeCacheSeconds });
    server.answer = { active: false };
    await refusalOf(verifier.verify(TOKEN));
    clock.advance(after);
    expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ reason: 'inactive' });
    expect(server.questions).toHaveLength(questions);
  });

  it('does not keep isRevoked from being asked', async () => {
    const { asked, server, clock } = await createWorld();
    let revoked = false;
    const verifier = createVerifier({ issuers: asked, isRevoked: () => revoked, now: clock.now });
    const connection = {};
    await verifier.verifyNow(TOKEN, connection);
    revoked = true;
    expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ code: 'TOKEN_REVOKED' });
    expect(() => verifier.verifyNow(TOKEN, connection)).toThrow('revoked');
    expect(server.questions).toHaveLength(1);
  });

  it('is read by the same mapping as a JWT', async () => {
    const { asked, server, clock } = await createWorld();
    server.answer = {
      ...GOOD,
      token_type: 'Bearer',
      token_use: 'access_token',
      username: 'ada',
      realm_access: { roles: ['admin'] },
      organization: ['acme', 'globex'],
    };
    const verifier = createVerifier({
      issuers: {
        ...asked,
        claims: { preset: 'keycloak', username: 'username' },
        allowedOrgs: ['acme'],
      },
      now: clock.now,
    });
    expect(await verifier.verify(TOKEN)).toMatchObject({
      user: { username: 'ada', roles: ['admin'] },
      claims: { scope: 'invoices:read' },
      orgs: [{ id: 'acme' }],
    });
  });

  it('about a token that is bound to a key is judged like a JWT that is', async () => {
    const { asked, server, clock } = await createWorld();
    const jwts = await createTestIssuer({ algorithm: 'ES256', now: clock.now });
    const cnf = { jkt: 'A'.repeat(43) };
    server.answer = { ...GOOD, token_type: 'DPoP', cnf };
    const verifier = createVerifier({ issuers: [asked, jwts.policy], now: clock.now });
    const [jwt, opaque] = await Promise.all(
      [await jwts.mint({ cnf }), TOKEN].map((token) =>
        verifier.verify(token).then(
          ({ claims }) => claims['cnf'],
          ({ reason }: { reason: string }) => reason,
        ),
      ),
    );
    expect(opaque).toEqual(jwt);
  });

  it('may leave out the audience where the policy asks for none', async () => {
    const { asked, server, clock } = await createWorld();
    server.answer = { ...GOOD, aud: undefined, client_id: 'spa' };
    const verifier = createVerifier({
      issuers: { ...asked, audience: null, clientIds: ['spa'] },
      now: clock.now,
    });
    expect(await verifier.verify(TOKEN)).toMatchObject({ clientId: 'spa' });
  });
});

describe('discovery', () => {
  async function createDiscovery(metadata: object) {
    const server = await serveIntrospection(GOOD);
    const events = createEventLog();
    const clock = createClock(NOW);
    const { issuer, documents } = server;
    documents.set('/.well-known/openid-configuration', { issuer, ...metadata });
    const verifier = createVerifier({
      issuers: {
        issuer,
        audience: AUDIENCE,
        keys: { introspection: { discovery: true, ...CLIENT } },
      },
      events,
      now: clock.now,
    });
    return { server, events, clock, verifier };
  }

  it('finds the endpoint once, and ready() waits for it', async () => {
    const { server, verifier } = await createDiscovery({});
    const { documents, issuer, endpoint } = server;
    documents.set('/.well-known/openid-configuration', {
      issuer,
      introspection_endpoint: endpoint,
    });
    await verifier.ready();
    expect(server.fetched).toEqual(['/.well-known/openid-configuration']);
    await Promise.all(['a', 'b'].map((letter) => verifier.verify(letter.repeat(20))));
    expect(server.fetched).toHaveLength(1);
    expect(server.questions).toHaveLength(2);
  });

  it.each([
    { title: 'without an endpoint', metadata: {}, reason: 'url' },
    { title: 'of another issuer', metadata: { issuer: 'https://x' }, reason: 'issuer_mismatch' },
    {
      title: 'with an endpoint over http',
      metadata: { introspection_endpoint: 'http://id.example/introspect' },
      reason: 'url',
    },
  ])('of metadata $title is 503, and is tried again', async ({ metadata, reason }) => {
    const { server, verifier, events, clock } = await createDiscovery(metadata);
    expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    expect(events.of('introspection.failed')).toMatchObject([{ reason }]);
    server.documents.set('/.well-known/openid-configuration', {
      issuer: server.issuer,
      introspection_endpoint: server.endpoint,
    });
    clock.advance(5);
    expect(await verifier.verify(TOKEN)).toMatchObject({ subject: 'user-1' });
  });

  it('is tried again by ready(), which rejects with the reason', async () => {
    const { server, verifier } = await createDiscovery({});
    const { documents, issuer, endpoint } = server;
    expect(await refusalOf(verifier.ready())).toMatchObject({
      code: 'KEYS_UNAVAILABLE',
      cause: { reason: 'url' },
    });
    documents.set('/.well-known/openid-configuration', {
      issuer,
      introspection_endpoint: endpoint,
    });
    await expect(verifier.ready()).resolves.toBeUndefined();
  });

  it('asks no address within a private network that only metadata names', async () => {
    const asked: string[] = [];
    const events = createEventLog();
    const issuer = 'https://id.example';
    const answerFetch: typeof fetch = async (url) => {
      asked.push(new Request(url).url);
      return Response.json({ issuer, introspection_endpoint: 'https://10.0.0.1/introspect' });
    };
    const verifier = createVerifier({
      issuers: {
        issuer,
        audience: null,
        keys: { introspection: { discovery: true, ...CLIENT, fetch: answerFetch } },
      },
      allowLoopbackHttp: false,
      events,
    });
    await refusalOf(verifier.verify(TOKEN));
    expect(asked).toEqual([`${issuer}/.well-known/openid-configuration`]);
    expect(events.of('introspection.failed')).toMatchObject([{ reason: 'private_address' }]);
  });
});

describe('keys of signed answers', () => {
  it('are fetched at first use, and again for a new one', async () => {
    const { server, asked, clock } = await createWorld();
    const [old, fresh] = [await createTokenSigner('old'), await createTokenSigner('fresh')];
    const { endpoint, issuer, documents } = server;
    documents.set('/jwks', { keys: [old.jwk] });
    const verifier = createVerifier({
      issuers: {
        ...asked,
        keys: {
          introspection: {
            endpoint,
            ...CLIENT,
            signedResponses: { jwksUri: `${issuer}/jwks` },
          },
        },
      },
      now: clock.now,
    });
    const answerBy = async (signer: typeof old) => {
      const claims = { iss: issuer, aud: CLIENT.clientId, iat: NOW, token_introspection: GOOD };
      const header = { typ: 'token-introspection+jwt' };
      const answer = await signer.sign({ header, claims });
      server.answer = (response) =>
        response
          .writeHead(200, { 'Content-Type': 'application/token-introspection+jwt' })
          .end(answer);
    };
    await answerBy(old);
    await verifier.verify(TOKEN);
    await answerBy(fresh);
    documents.set('/jwks', { keys: [fresh.jwk] });
    expect(await verifier.verify('another-opaque-token')).toMatchObject({ subject: 'user-1' });
    // The old key is gone, and with it what it had vouched for.
    await verifier.verify(TOKEN);
    expect(verifier.counters()).toMatchObject({ keyFetches: 2, introspections: 3 });
  });
});
