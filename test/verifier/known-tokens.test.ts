import { AuthError, createVerifier, type VerifierOptions } from 'latchkey';
import { createTestIssuer, type TestIssuer, type TestIssuerOptions } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { refusalOf } from '../world/refusal-of.js';

async function createWorld(options: Partial<VerifierOptions> & TestIssuerOptions = {}) {
  const { algorithm = 'ES256', ...own } = options;
  const clock = createClock();
  const issuer = await createTestIssuer({ algorithm, profile: 'jwt', now: clock.now });
  const verifier = createVerifier({ issuers: issuer.policy, now: clock.now, ...own });
  await verifier.ready();
  const checks = () => verifier.counters().signatureChecks;
  return { clock, issuer, verifier, checks };
}

describe('a token is known again by its digest alone', () => {
  it('also when tokens with other headers came in between', async () => {
    const { issuer, verifier, checks } = await createWorld();
    const headers = [{}, { typ: 'JWT' }, { typ: undefined }, { extra: 'x' }];
    const tokens = headers.map((header) => issuer.mintSync({}, header));
    for (let round = 0; round < 3; round += 1)
      for (const token of [...tokens, ...tokens.toReversed()]) await verifier.verify(token);
    expect(checks()).toBe(tokens.length);
  });

  it.each([
    { title: 'of 256 characters', length: 256 },
    { title: 'of 257 characters', length: 257 },
    { title: 'of 4,000 characters', length: 4_000 },
  ])('under a header $title, its dot included', async ({ length }) => {
    const { issuer, verifier, checks } = await createWorld();
    const other = issuer.mintSync();
    const token = mintWithHeader(issuer, length);
    for (const sent of [token, other, token, token, other]) await verifier.verify(sent);
    expect(checks()).toBe(2);
    expect(verifier.counters().cachedTokens).toBe(2);
  });

  it('when more different headers have been seen than are remembered, the oldest is verified anew', async () => {
    const { issuer, verifier, checks } = await createWorld({ algorithm: 'HS256' });
    const tokens = Array.from({ length: 10_001 }, (_, count) => issuer.mintSync({}, { n: count }));
    for (const token of tokens) await verifier.verify(token);
    expect(checks()).toBe(10_001);
    await verifier.verify(tokens[1] ?? '');
    await verifier.verify(tokens[10_000] ?? '');
    expect(checks()).toBe(10_001);
    const { cachedTokens, cachedBytes } = verifier.counters();
    await verifier.verify(tokens[0] ?? '');
    expect(checks()).toBe(10_002);
    // It was still remembered itself, and is not counted twice.
    expect(verifier.counters()).toMatchObject({ cachedTokens, cachedBytes });
  });

  it('of each of several issuers that send the same header', async () => {
    const issuers = await Promise.all(
      ['https://a.test', 'https://b.test', 'https://c.test'].map((issuer) =>
        createTestIssuer({ algorithm: 'HS256', issuer, profile: 'jwt' }),
      ),
    );
    const verifier = createVerifier({ issuers: issuers.map(({ policy }) => policy) });
    for (let round = 0; round < 2; round += 1)
      for (const issuer of issuers) {
        const token = issuer.mintSync();
        for (let use = 0; use < 3; use += 1)
          expect(verifier.verifyNow(token)).toMatchObject({ issuer: issuer.issuer });
      }
    expect(verifier.counters()).toMatchObject({ signatureChecks: 6, cachedTokens: 6 });
  });

  /** The header is the first so many characters of the token. */
  function mintWithHeader(issuer: TestIssuer, length: number): string {
    for (let padding = 0; padding < length; padding += 1) {
      const token = issuer.mintSync({}, { padding: 'x'.repeat(padding) });
      if (token.indexOf('.') + 1 >= length) return token;
    }
    throw new Error('no such header');
  }
});

it('requests that waited for the same new key with the same token share one signature check', async () => {
  const { issuer, verifier, checks } = await createWorld();
  await issuer.rotate();
  const token = issuer.mintSync();
  const principals = await Promise.all(Array.from({ length: 8 }, () => verifier.verify(token)));
  expect(new Set(principals.map(({ subject }) => subject))).toEqual(new Set(['user-1']));
  expect(checks()).toBe(1);
  expect(issuer.fetchCounts.jwks).toBe(2);
});

describe('the memory of an issuer that the resolver drops', () => {
  it('ends in the very millisecond in which the resolver has to be asked again', async () => {
    const clock = createClock();
    const issuer = await createTestIssuer({ algorithm: 'HS256', profile: 'jwt', now: clock.now });
    let asked = 0;
    const verifier = createVerifier({
      resolveIssuer: () => {
        asked += 1;
        return asked === 1 ? issuer.policy : undefined;
      },
      tokenCache: { maxAgeSeconds: 3600 },
      now: clock.now,
    });
    const connection = {};
    const token = issuer.mintSync({ exp: clock.now() / 1000 + 3600 });
    for (let use = 0; use < 3; use += 1) await verifier.verifyNow(token, connection);
    clock.advance(299.999);
    expect(verifier.verifyNow(token, connection)).toMatchObject({ subject: 'user-1' });
    expect(verifier.verifyNow(token)).toMatchObject({ subject: 'user-1' });
    expect(asked).toBe(1);
    clock.advance(0.001);
    for (const on of [connection, undefined])
      expect(await refusalOf(verdictOf(() => verifier.verifyNow(token, on)))).toMatchObject({
        reason: 'issuer',
      });
  });

  const verdictOf = async (verify: () => unknown) => verify();
});

describe('the bounds of the memory', () => {
  it.each([
    { tokenCache: { maxEntries: 1 }, cachedTokens: 1 },
    { tokenCache: { maxEntries: 16_000_000 }, cachedTokens: 3 },
    { tokenCache: { maxBytes: 1 }, cachedTokens: 0 },
    { tokenCache: { maxBytes: Number.MAX_SAFE_INTEGER }, cachedTokens: 3 },
    { tokenCache: { maxAgeSeconds: 1 }, cachedTokens: 3 },
    { tokenCache: { maxAgeSeconds: 3600 }, cachedTokens: 3 },
  ])('may be $tokenCache: $cachedTokens of 3 tokens stay', async ({ tokenCache, cachedTokens }) => {
    const { issuer, verifier } = await createWorld({ tokenCache });
    for (let count = 0; count < 3; count += 1) await verifier.verify(issuer.mintSync());
    expect(verifier.counters().cachedTokens).toBe(cachedTokens);
  });

  it.each([
    { maxEntries: 16_000_001 },
    { maxBytes: 0 },
    { maxBytes: Number.MAX_SAFE_INTEGER + 1 },
    { maxAgeSeconds: 3601 },
    { maxAgeSeconds: 0.5 },
  ])('may not be %o: a TypeError at start-up', async (tokenCache) => {
    await expect(createWorld({ tokenCache })).rejects.toThrow(TypeError);
  });

  it('an entry makes room in the second in which it dies, and counts no bytes from then on', async () => {
    const { clock, issuer, verifier } = await createWorld();
    const nowSeconds = clock.now() / 1000;
    await verifier.verify(issuer.mintSync({ exp: nowSeconds + 5 }));
    const { cachedBytes } = verifier.counters();
    clock.advance(9);
    await verifier.verify(issuer.mintSync({ exp: nowSeconds + 900 }));
    expect(verifier.counters().cachedTokens).toBe(2);
    clock.advance(1);
    await verifier.verify(issuer.mintSync({ exp: nowSeconds + 901 }));
    expect(verifier.counters()).toMatchObject({ cachedTokens: 2, cachedBytes: cachedBytes * 2 });
  });
});

describe('a token without a key id', () => {
  it('causes no fetch of keys when its signature is bad', async () => {
    const { clock, issuer, verifier } = await createWorld();
    const other = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt', now: clock.now });
    clock.advance(60);
    for (const header of [{ kid: undefined }, { kid: issuer.kid }]) {
      const refusal = await refusalOf(verifier.verify(await other.mint({}, header)));
      expect(refusal.reason).toBe('signature');
    }
    expect(issuer.fetchCounts.jwks).toBe(1);
    await expect(verifier.verify(await other.mint())).rejects.toThrow(AuthError);
    expect(issuer.fetchCounts.jwks).toBe(2);
  });
});

describe('refusals', () => {
  it('are built once for each reason, so that a flood of bad tokens collects no stack traces', async () => {
    const { verifier } = await createWorld({ realm: 'invoices' });
    const [opaque, again, malformed] = [
      await refusalOf(verifier.verify('opaque-1')),
      await refusalOf(verifier.verify('opaque-2')),
      await refusalOf(verifier.verify('a..c')),
    ];
    expect(again).toBe(opaque);
    expect(malformed).not.toBe(opaque);
    expect(Object.values(Object.getOwnPropertyDescriptors(opaque))).not.toContainEqual(
      expect.objectContaining({ writable: true }),
    );
  });

  it('name the realm and the reason', async () => {
    const { clock, issuer, verifier } = await createWorld({
      realm: 'invoices',
      isRevoked: () => true,
    });
    const late = issuer.mintSync({ exp: clock.now() / 1000 - 60 });
    for (const [token, reason] of [
      ['a..c', 'malformed'],
      [late, 'expired'],
      [issuer.mintSync(), 'revoked'],
    ] as const) {
      const refusal = await refusalOf(verifier.verify(token));
      expect(refusal.reason).toBe(reason);
      expect(refusal.headers['WWW-Authenticate']).toContain('realm="invoices"');
    }
  });
});

describe('the revocation hook', () => {
  it('that returns at once is heard at once: no promise on the way of a known token', async () => {
    let isRevoked = false;
    const { issuer, verifier } = await createWorld({ isRevoked: () => isRevoked });
    const token = issuer.mintSync();
    expect(verifier.verifyNow(token)).toMatchObject({ subject: 'user-1' });
    isRevoked = true;
    expect(() => verifier.verifyNow(token)).toThrow(AuthError);
  });

  it.each([
    {
      title: 'throws',
      hook: (): boolean => {
        throw new Error('no connection');
      },
    },
    { title: 'rejects', hook: () => Promise.reject(new Error('no connection')) },
  ])(
    'that $title is named in the event; the refusal keeps the cause for logs',
    async ({ hook }) => {
      const events = createEventLog();
      const { issuer, verifier } = await createWorld({ isRevoked: hook, events });
      const refusal = await refusalOf(verifier.verify(issuer.mintSync()));
      expect(refusal).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        reason: 'revocation',
        cause: { message: 'no connection' },
      });
      expect(events.of('hook.failed')).toEqual([{ hook: 'isRevoked' }]);
    },
  );
});
