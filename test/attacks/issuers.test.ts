import { createVerifier, type IssuerOptions } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { refusalOf } from '../world/refusal-of.js';

describe('E8 discovery', () => {
  async function discovering(metadata: Record<string, unknown>) {
    const { now } = createClock();
    const issuer = await createTestIssuer({ algorithm: 'ES256', now });
    const urls: string[] = [];
    const events = createEventLog();
    const fetchMetadata: typeof fetch = async (input) => {
      const { href } = input instanceof Request ? new URL(input.url) : new URL(input);
      urls.push(href);
      return href.endsWith('/openid-configuration')
        ? Response.json(metadata)
        : Response.json(issuer.jwks());
    };
    const policy: IssuerOptions = {
      ...issuer.policy,
      keys: { discovery: true, fetch: fetchMetadata },
    };
    const verifier = createVerifier({ issuers: policy, events, now });
    return { issuer, urls, events, verifier };
  }

  it('uses the jwks_uri of the issuer it was asked for', async () => {
    const { verifier, issuer, urls } = await discovering({
      issuer: 'https://issuer.test',
      jwks_uri: 'https://keys.issuer.test/jwks',
    });
    await verifier.verify(await issuer.mint());
    expect(urls).toEqual([
      'https://issuer.test/.well-known/openid-configuration',
      'https://keys.issuer.test/jwks',
    ]);
  });

  it.each([
    { title: 'of another issuer', issuer: 'https://evil.test', reason: 'issuer_mismatch' },
    {
      title: 'of the issuer with a slash more',
      issuer: 'https://issuer.test/',
      reason: 'issuer_mismatch',
    },
    { title: 'with an http jwks_uri', jwks_uri: 'http://issuer.test/jwks', reason: 'url' },
    { title: 'with a file: jwks_uri', jwks_uri: 'file:///etc/passwd', reason: 'url' },
    { title: 'with credentials in jwks_uri', jwks_uri: 'https://a:b@issuer.test/', reason: 'url' },
    { title: 'without jwks_uri', jwks_uri: undefined, reason: 'url' },
    { title: 'whose jwks_uri is a list', jwks_uri: ['https://issuer.test/jwks'], reason: 'url' },
  ])('refuses metadata $title', async ({ title: _title, reason, ...metadata }) => {
    const { verifier, issuer, urls, events } = await discovering({
      issuer: 'https://issuer.test',
      jwks_uri: 'https://issuer.test/jwks',
      ...metadata,
    });
    expect((await refusalOf(verifier.verify(await issuer.mint()))).code).toBe('KEYS_UNAVAILABLE');
    expect(events.of('keys.failed')).toMatchObject([{ reason }]);
    expect(urls).toHaveLength(1);
  });

  it.each([
    'http://issuer.test',
    'ftp://issuer.test',
    'not a URL',
    'https://user:pass@issuer.test',
  ])('refuses the issuer %s when the application starts', (issuer) => {
    const options = { issuer, audience: 'a', keys: { discovery: true } } as const;
    expect(() => createVerifier({ issuers: options })).toThrow(TypeError);
  });

  it('takes http on loopback only where development allows it', () => {
    const issuers = {
      issuer: 'http://127.0.0.1:1',
      audience: 'a',
      keys: { discovery: true },
    } as const;
    expect(() => createVerifier({ issuers })).not.toThrow();
    expect(() => createVerifier({ issuers, allowLoopbackHttp: false })).toThrow(TypeError);
  });

  it('takes http from a host on the list, for metadata and keys alike, and from no other', async () => {
    const { now } = createClock();
    const base = 'http://keycloak:8080/realms/main';
    const issuer = await createTestIssuer({ algorithm: 'ES256', issuer: base, now });
    const policy: IssuerOptions = {
      ...issuer.policy,
      keys: { discovery: true, fetch: issuer.fetch },
    };
    const create = (allowHttpHosts: string[]) =>
      createVerifier({ issuers: policy, allowHttpHosts, allowLoopbackHttp: false, now });
    expect(() => create([])).toThrow(TypeError);
    expect(() => create(['keycloak.example'])).toThrow(TypeError);
    expect(() => create(['http://keycloak'])).toThrow(TypeError);
    await create(['keycloak']).verify(await issuer.mint());
    await create(['keycloak:8080']).verify(await issuer.mint());
  });
});

describe('E9 the key of another issuer we trust', () => {
  it('cannot sign for this one, even under the same kid', async () => {
    const good = await createTestIssuer({ algorithm: 'ES256', issuer: 'https://good.test' });
    const evil = await createTestIssuer({ algorithm: 'ES256', issuer: 'https://evil.test' });
    const keys = evil.jwks().keys.map((key) => ({ ...key, kid: good.kid }));
    const verifier = createVerifier({
      issuers: [good.policy, { ...evil.policy, keys: { jwks: { keys } } }],
    });
    await verifier.verify(await evil.mint({}, { kid: good.kid }));
    const forged = await evil.mint({ iss: 'https://good.test' }, { kid: good.kid });
    expect((await refusalOf(verifier.verify(forged))).code).toBe('INVALID_TOKEN');
  });
});

describe('E10 issuers found at run time', () => {
  async function tenants() {
    const clock = createClock();
    const a = await createTestIssuer({
      algorithm: 'ES256',
      issuer: 'https://a.test',
      now: clock.now,
    });
    const b = await createTestIssuer({
      algorithm: 'ES256',
      issuer: 'https://b.test',
      now: clock.now,
    });
    const asked: string[] = [];
    const events = createEventLog();
    const answers = new Map<string, () => unknown>([
      ['https://a.test', () => a.policy],
      ['https://b.test', () => b.policy],
    ]);
    const verifier = createVerifier({
      resolveIssuer: async (iss) => {
        asked.push(iss);
        return answers.get(iss)?.() as IssuerOptions | undefined;
      },
      events,
      now: clock.now,
    });
    return { clock, a, b, asked, answers, events, verifier };
  }

  it('each tenant is asked for once and verified with its own keys', async () => {
    const { a, b, asked, verifier } = await tenants();
    await verifier.verify(await a.mint());
    await verifier.verify(await b.mint());
    await verifier.verify(await a.mint());
    expect(asked).toEqual(['https://a.test', 'https://b.test']);
    const crossed = await a.mint({ iss: 'https://b.test' });
    expect((await refusalOf(verifier.verify(crossed))).code).toBe('INVALID_TOKEN');
  });

  it("a resolver that returns another tenant's options does not lend that tenant's keys", async () => {
    const { a, b, answers, verifier } = await tenants();
    answers.set('https://a.test', () => b.policy);
    const posing = await b.mint({ iss: 'https://a.test' });
    expect((await refusalOf(verifier.verify(posing))).code).toBe('INVALID_TOKEN');
    expect((await refusalOf(verifier.verify(await a.mint()))).code).toBe('INVALID_TOKEN');
  });

  it.each([
    {
      title: 'throws',
      answer: () => {
        throw new Error('database is down');
      },
    },
    {
      title: 'throws undefined',
      answer: () => {
        throw undefined;
      },
    },
    { title: 'rejects', answer: () => Promise.reject(new Error('database is down')) },
    { title: 'returns a list', answer: () => [] },
    { title: 'returns a text', answer: () => 'https://a.test' },
    { title: 'returns false', answer: () => false },
    { title: 'returns a function', answer: () => () => undefined },
    { title: 'returns an empty object', answer: () => ({}) },
    {
      title: 'returns an option that does not exist',
      answer: () => ({ issuer: 'https://a.test', audience: 'x', keys: { jwks: {} }, admin: 1 }),
    },
    {
      title: 'returns no audience',
      answer: () => ({ issuer: 'https://a.test', keys: { discovery: true } }),
    },
    {
      title: 'returns an http URL for the keys',
      answer: () => ({
        ...{ issuer: 'https://a.test', audience: 'https://api.test' },
        keys: { jwksUri: 'http://a.test/jwks' },
      }),
    },
    {
      title: 'returns a weak secret',
      answer: () => ({
        ...{ issuer: 'https://a.test', audience: 'https://api.test', algorithms: ['HS256'] },
        keys: { secret: 'secret' },
      }),
    },
    {
      title: 'returns options that throw when they are read',
      answer: () => ({
        get issuer() {
          throw new RangeError('no such column');
        },
      }),
    },
  ])(
    'a resolver that $title causes 503 and an event, and is left alone for 5 s',
    async ({ answer }) => {
      const { a, clock, asked, answers, events, verifier } = await tenants();
      answers.set('https://a.test', answer);
      for (let request = 0; request < 20; request += 1) {
        const refusal = await refusalOf(verifier.verify(await a.mint()));
        expect(refusal).toMatchObject({ status: 503, code: 'KEYS_UNAVAILABLE' });
      }
      expect(asked).toHaveLength(1);
      expect(events.of('hook.failed')).toEqual([{ hook: 'resolveIssuer' }]);
      answers.set('https://a.test', () => a.policy);
      clock.advance(5);
      await verifier.verify(await a.mint());
    },
  );

  it.each(Object.getOwnPropertyNames(Object.prototype))(
    'an issuer called %s is unknown, also where the resolver looks into a plain object',
    async (iss) => {
      const { a, events } = await tenants();
      const table: Record<string, IssuerOptions> = { 'https://a.test': a.policy };
      const verifier = createVerifier({ resolveIssuer: (name) => table[name], events });
      const refusal = await refusalOf(verifier.verify(await a.mint({ iss })));
      expect(refusal).toMatchObject({ status: 401, reason: 'issuer' });
      expect(events.of('hook.failed')).toEqual([]);
    },
  );

  it('a flood of made-up issuers does not push a tenant out: it is asked for once', async () => {
    const { a, asked, answers, verifier } = await tenants();
    answers.set('https://a.test', () => ({ ...a.policy, profile: 'jwt' }));
    const good = await a.mint();
    await verifier.verify(good);
    // No key is looked for before an issuer is known, so that one signature does for all of them.
    const [header = '', , signature = ''] = good.split('.');
    const reasons = new Set<string | undefined>();
    for (let sent = 0; sent < 10_500; sent += 1) {
      const payload = JSON.stringify({ iss: `https://stranger-${sent}.test`, jti: `${sent}` });
      const token = `${header}.${Buffer.from(payload).toString('base64url')}.${signature}`;
      reasons.add((await refusalOf(verifier.verify(token))).reason);
    }
    expect(reasons).toEqual(new Set(['issuer']));
    await verifier.verify(await a.mint());
    expect(asked.filter((iss) => iss === 'https://a.test')).toHaveLength(1);
    expect(asked).toHaveLength(10_501);
    expect(verifier.counters().keyFetches).toBe(1);
  });

  it('an unknown issuer is 401, asked for once in 30 s, and costs no fetch', async () => {
    const { a, b, asked, verifier } = await tenants();
    const stranger = await a.mint({ iss: 'https://stranger.test' });
    for (let request = 0; request < 20; request += 1)
      expect((await refusalOf(verifier.verify(stranger))).code).toBe('INVALID_TOKEN');
    expect(asked).toEqual(['https://stranger.test']);
    expect(a.fetchCounts.jwks + b.fetchCounts.jwks).toBe(0);
  });

  it('a tenant that is taken off the list loses its tokens within 5 minutes, however late they were verified', async () => {
    const { a, clock, answers, verifier } = await tenants();
    const early = await a.mint();
    await verifier.verify(early);
    clock.advance(1);
    answers.delete('https://a.test');
    clock.advance(298);
    const late = await a.mint();
    await verifier.verify(late);
    clock.advance(2);
    for (const token of [early, late])
      expect(await refusalOf(verifier.verify(token))).toMatchObject({ reason: 'issuer' });
  });

  it('a tenant that was taken off the list stays off it when the clock is set back', async () => {
    const { a, clock, answers, verifier } = await tenants();
    await verifier.verify(await a.mint());
    clock.advance(200);
    const token = await a.mint();
    await verifier.verify(token);
    answers.delete('https://a.test');
    clock.advance(101);
    await refusalOf(verifier.verify(token));
    clock.advance(-60);
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ reason: 'issuer' });
  });

  it('a changed answer counts for tokens that were verified before it', async () => {
    const { a, clock, answers, verifier } = await tenants();
    const keys = { jwksUri: a.jwksUri, fetch: a.fetch };
    answers.set('https://a.test', () => ({ ...a.policy, keys }));
    await verifier.verify(await a.mint());
    clock.advance(200);
    const token = await a.mint();
    await verifier.verify(token);
    answers.set('https://a.test', () => ({ ...a.policy, keys, requiredClaims: ['mfa'] }));
    clock.advance(101);
    const refusal = await refusalOf(verifier.verify(token));
    expect(refusal).toMatchObject({ reason: 'missing_claim' });
    clock.advance(-60);
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ reason: 'missing_claim' });
  });

  it('options that the application changes in place take effect', async () => {
    const { a, clock, answers, verifier } = await tenants();
    const options = { ...a.policy, audience: ['https://api.test'] };
    answers.set('https://a.test', () => options);
    await verifier.verify(await a.mint());
    options.audience[0] = 'https://other.test';
    clock.advance(301);
    const refusal = await refusalOf(verifier.verify(await a.mint()));
    expect(refusal).toMatchObject({ reason: 'audience' });
  });

  it('a verified token is not verified again because its issuer was asked for again', async () => {
    const { a, clock, answers, asked, verifier } = await tenants();
    const { policy } = a;
    answers.set('https://a.test', () => policy);
    clock.advance(299);
    await verifier.verify(await a.mint());
    clock.advance(200);
    const token = await a.mint();
    await verifier.verify(token);
    clock.advance(200);
    await verifier.verify(token);
    await verifier.verify(token);
    expect(asked).toHaveLength(2);
    expect(verifier.counters()).toMatchObject({ signatureChecks: 2, keyFetches: 1 });
  });

  it('the same answer again keeps the keys; a changed one takes effect', async () => {
    const { a, clock, answers, verifier } = await tenants();
    const keys = { jwksUri: a.jwksUri, fetch: a.fetch };
    answers.set('https://a.test', () => ({ ...a.policy, keys }));
    await verifier.verify(await a.mint());
    clock.advance(301);
    await verifier.verify(await a.mint());
    expect(a.fetchCounts.jwks).toBe(1);
    answers.set('https://a.test', () => ({ ...a.policy, keys, audience: 'https://other' }));
    clock.advance(301);
    expect((await refusalOf(verifier.verify(await a.mint()))).code).toBe('INVALID_TOKEN');
  });

  it.each([{ secret: '' }, { secret: new Uint8Array(0) }, { secret: null }])(
    'A4 a resolver that returns the weak keys %j is our mistake (503), never a way in',
    async (keys) => {
      const { a, answers, verifier } = await tenants();
      answers.set('https://a.test', () => ({ ...a.policy, algorithms: ['HS256'], keys }));
      const refusal = await refusalOf(verifier.verify(await a.mint()));
      expect(refusal).toMatchObject({ status: 503, cause: expect.any(TypeError) });
    },
  );
});
