import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { createVerifier, type VerifierOptions } from 'latchkey';
import { createTestIssuer, type TestIssuer, type TestIssuerOptions } from 'latchkey/testing';
import { describe, expect, it, vi } from 'vitest';
import { type Clock, createClock } from '../world/clock.js';
import { serve } from '../world/serve.js';
import { createEventLog } from '../world/event-log.js';
import { refusalOf } from '../world/refusal-of.js';
import { PATIENCE } from '../world/patience.js';

interface World {
  readonly clock: Clock;
  readonly issuer: TestIssuer;
  readonly verifier: (options?: Partial<VerifierOptions>) => ReturnType<typeof createVerifier>;
}

async function createWorld(options: TestIssuerOptions = {}): Promise<World> {
  const clock = createClock();
  const issuer = await createTestIssuer({ algorithm: 'ES256', now: clock.now, ...options });
  return {
    clock,
    issuer,
    verifier: (own) => createVerifier({ issuers: issuer.policy, now: clock.now, ...own }),
  };
}

/** A set of one key on another curve. */
function ecKeyOf(namedCurve: string): () => readonly JsonWebKey[] {
  return () => [generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' })];
}

/** A flood of tokens of our issuer with made-up key ids, each otherwise perfect. */
function unknownKeyToken(issuer: TestIssuer): string {
  return issuer.mintSync({}, { kid: randomBytes(12).toString('hex') });
}

describe('E1 an IdP that fails before any key is known', () => {
  it.each(['status-503', 'reset', 'html', 'empty-object', 'keys-null', 'no-keys'] as const)(
    'answers 503 with Retry-After when the key endpoint is %s, and does not ask again for every request',
    async (outage) => {
      const { issuer, verifier: create } = await createWorld();
      const verifier = create();
      issuer.goDown(outage);
      const token = await issuer.mint();
      for (let request = 0; request < 50; request += 1) {
        const refusal = await refusalOf(verifier.verify(token));
        expect(refusal).toMatchObject({ code: 'KEYS_UNAVAILABLE', status: 503 });
        expect(Number(refusal.headers['Retry-After'])).toBeGreaterThanOrEqual(1);
        expect(refusal.headers['WWW-Authenticate']).toBeUndefined();
      }
      expect(issuer.fetchCounts.jwks).toBe(2);
    },
  );

  it('gives up on an endpoint that hangs after the time-out, for all who wait', async () => {
    const { issuer, clock } = await createWorld();
    const keys = { jwksUri: issuer.jwksUri, fetch: issuer.fetch, timeoutMs: 50 };
    const verifier = createVerifier({ issuers: { ...issuer.policy, keys }, now: clock.now });
    issuer.goDown('hang');
    const token = await issuer.mint();
    const refusals = await Promise.all(
      Array.from({ length: 20 }, () => refusalOf(verifier.verify(token))),
    );
    expect(refusals.map(({ code }) => code)).toEqual(Array(20).fill('KEYS_UNAVAILABLE'));
    expect(issuer.fetchCounts.jwks).toBe(1);
  });

  it('ready() rejects with the reason', async () => {
    const { issuer, verifier: create } = await createWorld();
    const verifier = create();
    issuer.goDown('html');
    const refusal = await refusalOf(verifier.ready());
    expect(refusal).toMatchObject({ code: 'KEYS_UNAVAILABLE', cause: { reason: 'not_json' } });
  });

  it('recovers by itself once the endpoint answers again', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create();
    issuer.goDown();
    const token = await issuer.mint();
    for (let request = 0; request < 5; request += 1) await refusalOf(verifier.verify(token));
    issuer.comeUp();
    expect((await refusalOf(verifier.verify(token))).headers['Retry-After']).toBe('5');
    clock.advance(5);
    await expect(verifier.verify(token)).resolves.toMatchObject({ subject: 'user-1' });
  });
});

describe('E2 an outage after a good load', () => {
  it('serves known keys until the stale limit, then answers 503, then recovers', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create();
    await verifier.ready();
    issuer.goDown();
    clock.advance(12 * 3600);
    await verifier.verify(await issuer.mint());
    clock.advance(12 * 3600 - 1);
    await verifier.verify(await issuer.mint());
    clock.advance(2);
    const refusal = await refusalOf(verifier.verify(await issuer.mint()));
    expect(refusal.code).toBe('KEYS_UNAVAILABLE');
    issuer.comeUp();
    clock.advance(10);
    await verifier.verify(await issuer.mint());
  });

  it('does not make a known key wait: its requests are answered at once during the outage', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create();
    await verifier.ready();
    issuer.goDown();
    clock.advance(500);
    // Starts the refresh that fails, in the background.
    expect(verifier.verifyNow(issuer.mintSync())).not.toBeInstanceOf(Promise);
    await vi.waitFor(() => expect(issuer.fetchCounts.jwks).toBe(2), PATIENCE);
    await new Promise(setImmediate);
    for (let minute = 0; minute < 60; minute += 1) {
      clock.advance(60);
      expect(verifier.verifyNow(issuer.mintSync())).not.toBeInstanceOf(Promise);
      await new Promise(setImmediate);
    }
  });

  it('says 503, not 401, of a key id that may be a new one', async () => {
    const { issuer, verifier: create } = await createWorld();
    const verifier = create();
    await verifier.ready();
    await issuer.rotate();
    issuer.goDown();
    const refusal = await refusalOf(verifier.verify(await issuer.mint()));
    expect(refusal.code).toBe('KEYS_UNAVAILABLE');
  });
});

describe('E3 a key that leaves the key set', () => {
  it('takes its tokens with it within the cache time, verified ones too', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create({ tokenCache: { maxAgeSeconds: 3600 } });
    const old = await issuer.mint({ exp: clock.now() / 1000 + 7200 });
    await verifier.verify(old);
    await issuer.rotate({ keepOld: false });
    await verifier.verify(old);
    clock.advance(600);
    expect(await refusalOf(verifier.verify(old))).toMatchObject({ code: 'INVALID_TOKEN' });
  });

  it('takes its tokens with it at once when the set is fetched for another reason', async () => {
    const { issuer, verifier: create } = await createWorld();
    const verifier = create();
    const old = await issuer.mint();
    await verifier.verify(old);
    await issuer.rotate({ keepOld: false });
    await verifier.verify(await issuer.mint());
    expect((await refusalOf(verifier.verify(old))).code).toBe('INVALID_TOKEN');
  });

  it('is not served stale when the endpoint fails afterwards', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create();
    const old = await issuer.mint();
    await verifier.verify(old);
    await issuer.rotate({ keepOld: false });
    await verifier.verify(await issuer.mint());
    issuer.goDown();
    clock.advance(20);
    expect((await refusalOf(verifier.verify(old))).status).toBe(503);
    expect((await refusalOf(verifier.verify(old))).status).toBe(503);
  });
});

describe('E3 a fetched key set without a key for us', () => {
  it.each([
    { title: 'is empty', left: () => [] },
    { title: 'has only encryption keys', left: (key: JsonWebKey) => [{ ...key, use: 'enc' }] },
    { title: 'has only keys of other algorithms', left: ecKeyOf('P-384') },
    { title: 'has only malformed keys', left: () => [null, { kty: 'EC', crv: 'P-256' }] },
  ])(
    'withdraws the keys before it when it $title: 503, verified tokens included',
    async ({ left }) => {
      const { issuer, clock } = await createWorld();
      const events = createEventLog();
      const [good = {}] = issuer.jwks().keys;
      let published: readonly unknown[] = [good];
      const fetchKeys = async () => Response.json({ keys: published });
      const verifier = createVerifier({
        issuers: { ...issuer.policy, keys: { jwksUri: issuer.jwksUri, fetch: fetchKeys } },
        ...{ events, now: clock.now },
      });
      const token = await issuer.mint({ exp: clock.now() / 1000 + 7200 });
      await verifier.verify(token);

      published = left(good);
      clock.advance(500);
      await verifier.verify(token);
      await new Promise(setImmediate);
      for (const each of [token, await issuer.mint()]) {
        const refusal = await refusalOf(verifier.verify(each));
        expect(refusal).toMatchObject({ status: 503, code: 'KEYS_UNAVAILABLE' });
        expect(Number(refusal.headers['Retry-After'])).toBeGreaterThanOrEqual(1);
      }
      expect(events.of('keys.fetched')).toMatchObject([
        { keys: 1, added: 1, withdrawn: 0 },
        { keys: 0, added: 0, withdrawn: 1 },
        { keys: 0, added: 0, withdrawn: 0 },
      ]);
      expect(events.of('keys.failed').at(0)).toMatchObject({ reason: 'no_usable_key' });
      await expect(verifier.ready()).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE' });

      published = [good];
      clock.advance(5);
      await verifier.verify(token);
    },
  );

  it('found while looking for an unknown key id withdraws the keys, too', async () => {
    const { issuer, verifier: create } = await createWorld();
    const verifier = create();
    const token = await issuer.mint();
    await verifier.verify(token);
    issuer.goDown('no-keys');
    expect((await refusalOf(verifier.verify(unknownKeyToken(issuer)))).status).toBe(503);
    expect((await refusalOf(verifier.verify(token))).status).toBe(503);
  });

  it('keeps the keys withdrawn when the endpoint fails afterwards', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create();
    const token = await issuer.mint();
    await verifier.verify(token);
    issuer.goDown('no-keys');
    await refusalOf(verifier.verify(unknownKeyToken(issuer)));
    issuer.goDown('status-503');
    clock.advance(10);
    expect((await refusalOf(verifier.verify(token))).status).toBe(503);
  });

  it.each(['status-503', 'reset', 'html', 'empty-object', 'keys-null'] as const)(
    'is not what %s is: that is an outage, and known keys go on serving',
    async (outage) => {
      const { issuer, clock, verifier: create } = await createWorld();
      const verifier = create();
      const token = await issuer.mint({ exp: clock.now() / 1000 + 7200 });
      await verifier.verify(token);
      issuer.goDown(outage);
      clock.advance(601);
      await verifier.verify(token);
      await new Promise(setImmediate);
      await verifier.verify(token);
      await verifier.verify(await issuer.mint());
      expect(issuer.fetchCounts.jwks).toBeGreaterThan(1);
    },
  );
});

describe('E4 a flood of made-up key ids', () => {
  it('causes at most 2 + t/5 s fetches, and a key rotated in its middle is picked up within 5 s', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create();
    await verifier.verify(await issuer.mint());
    let seconds = 0;
    let pickedUpAfter: number | undefined;
    let rotatedToken: string | undefined;
    for (let sent = 0; sent < 10_000; sent += 100) {
      const flood = Array.from({ length: 100 }, () => verifier.verify(unknownKeyToken(issuer)));
      const codes = await Promise.all(
        flood.map(async (verdict) => (await refusalOf(verdict)).code),
      );
      expect(new Set(codes)).toEqual(new Set(['INVALID_TOKEN']));
      if (sent === 5000) {
        await issuer.rotate();
        rotatedToken = await issuer.mint({ exp: clock.now() / 1000 + 3600 });
        pickedUpAfter = undefined;
        seconds = 0;
      }
      if (rotatedToken && pickedUpAfter === undefined) {
        const accepted = await verifier.verify(rotatedToken).then(
          () => true,
          () => false,
        );
        if (accepted) pickedUpAfter = seconds;
      }
      clock.advance(0.5);
      seconds += 0.5;
    }
    expect(pickedUpAfter).toBeLessThanOrEqual(5);
    expect(issuer.fetchCounts.jwks).toBeLessThanOrEqual(2 + 50 / 5);
    expect(verifier.counters().cachedTokens).toBe(2);
  });

  it('does not delay a rotation when there is no flood: the first token of a new key is accepted', async () => {
    const { issuer, verifier: create } = await createWorld();
    const verifier = create();
    await verifier.verify(await issuer.mint());
    await issuer.rotate();
    await verifier.verify(await issuer.mint());
    expect(issuer.fetchCounts.jwks).toBe(2);
  });
});

describe('E5 a key endpoint that misbehaves', () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000));
  const endpoints: {
    title: string;
    reason: string;
    answer: RequestListener;
    timeoutMs?: number;
  }[] = [
    {
      title: 'redirects elsewhere',
      reason: 'status',
      answer: (_req, res) => res.writeHead(302, { Location: 'http://169.254.169.254/' }).end(),
    },
    {
      title: 'sends 10 MB',
      reason: 'too_large',
      answer: (_req, res) => res.end(Buffer.alloc(10_000_000, 0x20)),
    },
    {
      title: 'sends a small body that unpacks to 50 MB',
      reason: 'too_large',
      answer: (_req, res) => res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(bomb),
    },
    {
      title: 'sends 1000 keys',
      reason: 'too_large',
      answer: (_req, res) => res.end(JSON.stringify({ keys: Array(1000).fill({ kty: 'RSA' }) })),
    },
    {
      title: 'sends one byte at a time and never ends',
      reason: 'timeout',
      timeoutMs: 1000,
      answer: (_req, res) => {
        const drip = setInterval(() => res.write(' '), 20);
        res.on('close', () => clearInterval(drip));
      },
    },
  ];

  it.each(endpoints)(
    'is refused when it $title',
    async ({ reason, answer, timeoutMs = 20_000 }) => {
      const requests: string[] = [];
      const { origin } = await serve((req, res) => {
        requests.push(req.url ?? '');
        answer(req, res);
      });
      const { issuer, clock } = await createWorld();
      const events = createEventLog();
      const verifier = createVerifier({
        issuers: { ...issuer.policy, keys: { jwksUri: `${origin}/keys`, timeoutMs } },
        events,
        now: clock.now,
      });
      const refusal = await refusalOf(verifier.verify(await issuer.mint()));
      expect(refusal.code).toBe('KEYS_UNAVAILABLE');
      expect(events.of('keys.failed')).toMatchObject([{ reason }]);
      expect(requests).toEqual(['/keys']);
    },
  );
});

describe('E5 a key endpoint that redirects', () => {
  it.each([301, 302, 303, 307, 308])(
    'with %i is not followed to a good key set',
    async (status) => {
      const { issuer, clock } = await createWorld();
      const hits: string[] = [];
      const elsewhere = await serve((req, res) => {
        hits.push(req.url ?? '');
        res.end(JSON.stringify(issuer.jwks()));
      });
      const { origin } = await serve((req, res) => {
        const { pathname } = new URL(req.url ?? '', 'http://localhost');
        res.writeHead(status, { Location: `${elsewhere.origin}${pathname}` }).end();
      });
      const events = createEventLog();
      const token = await issuer.mint({ iss: origin });
      for (const keys of [{ jwksUri: `${origin}/keys` }, { discovery: true } as const]) {
        const verifier = createVerifier({
          issuers: { ...issuer.policy, issuer: origin, keys },
          ...{ events, now: clock.now },
        });
        expect((await refusalOf(verifier.verify(token))).code).toBe('KEYS_UNAVAILABLE');
      }
      expect(events.of('keys.failed')).toMatchObject([{ reason: 'status' }, { reason: 'status' }]);
      expect(hits).toEqual([]);
    },
  );
});

describe('A8 and E6 unusable keys among good ones', () => {
  it('are skipped with an event each, and the others work', async () => {
    const { issuer, clock } = await createWorld();
    const rsa = (bits: number, exponent = 65_537) =>
      generateKeyPairSync('rsa', {
        modulusLength: bits,
        publicExponent: exponent,
      }).publicKey.export({ format: 'jwk' });
    const strong = rsa(2048);
    const bad = [
      null,
      'a string',
      { kty: 'unknown', kid: 'unknown-kty' },
      { kty: 'RSA', kid: 'malformed', n: 'AQAB' },
      { kty: 'oct', kid: 'secret', k: 'c2VjcmV0' },
      { ...rsa(1024), kid: 'rsa-1024', alg: 'RS256' },
      { ...strong, kid: 'exponent-1', e: 'AQ' },
      { ...strong, kid: 'other-algorithm', alg: 'RS512' },
      {
        ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
        kid: 'private',
      },
      { ...strong, kid: 'enc', use: 'enc', alg: 'RSA-OAEP' },
      { ...strong, kid: 'unknown-use', use: 'tls' },
      { ...strong, kid: 'wrapping', key_ops: ['wrapKey', 'unwrapKey'] },
      { ...strong, kid: 'wrapping-as-text', key_ops: 'wrapKey' },
      { ...strong, kid: 'no-operation', key_ops: [] },
      { ...strong, kid: 'numeric-algorithm', alg: 256 },
      { kty: 'OKP', crv: 'X25519', x: strong.n?.slice(0, 43), kid: 'key-agreement' },
    ];
    const events = createEventLog();
    const verifier = createVerifier({
      issuers: {
        ...issuer.policy,
        algorithms: ['RS256', 'ES256'],
        keys: {
          jwksUri: issuer.jwksUri,
          fetch: async () => Response.json({ keys: [...bad, ...issuer.jwks().keys] }),
        },
      },
      events,
      now: clock.now,
    });
    await verifier.verify(await issuer.mint());
    expect(events.of('keys.skipped').map(({ kid, reason }) => [kid, reason])).toEqual([
      [undefined, 'malformed'],
      [undefined, 'malformed'],
      ['unknown-kty', 'malformed'],
      ['malformed', 'malformed'],
      ['secret', 'private'],
      ['rsa-1024', 'rsa_size'],
      ['exponent-1', 'rsa_exponent'],
      ['other-algorithm', 'algorithm'],
      ['private', 'private'],
      ['enc', 'use'],
      ['unknown-use', 'use'],
      ['wrapping', 'use'],
      ['wrapping-as-text', 'use'],
      ['no-operation', 'use'],
      ['numeric-algorithm', 'algorithm'],
      ['key-agreement', 'algorithm'],
    ]);
    expect(events.of('keys.fetched')).toMatchObject([{ keys: 1 }]);
    for (const kid of ['rsa-1024', 'exponent-1', 'enc', 'secret', 'malformed'])
      expect((await refusalOf(verifier.verify(await issuer.mint({}, { kid })))).status).toBe(401);
  });
});

describe('E7 key ids that do not tell keys apart', () => {
  it('a repeated kid: every key of that name is tried', async () => {
    const first = await createTestIssuer({ algorithm: 'ES256' });
    const second = await createTestIssuer({ algorithm: 'ES256' });
    const keys = [first, second].flatMap((issuer) =>
      issuer.jwks().keys.map((key) => ({ ...key, kid: 'same' })),
    );
    const verifier = createVerifier({ issuers: { ...first.policy, keys: { jwks: { keys } } } });
    await verifier.verify(await first.mint({}, { kid: 'same' }));
    await verifier.verify(await second.mint({}, { kid: 'same' }));
  });

  it.each([
    { title: 'twenty keys without kid', kid: undefined },
    { title: 'twenty keys of the same kid', kid: 'same' },
  ])('the key that a kid names is tried although $title stand before it', async ({ kid }) => {
    const { issuer, clock } = await createWorld();
    const others = Array.from({ length: 20 }, () => ({
      ...ecKeyOf('P-256')()[0],
      ...(kid !== undefined && { kid }),
    }));
    const named = issuer.jwks().keys.map((key) => ({ ...key, kid: 'same' }));
    for (const keys of [
      { jwks: { keys: [...others, ...named] } },
      {
        jwksUri: issuer.jwksUri,
        fetch: async () => Response.json({ keys: [...others, ...named] }),
      },
    ]) {
      const verifier = createVerifier({ issuers: { ...issuer.policy, keys }, now: clock.now });
      await verifier.verify(await issuer.mint({}, { kid: 'same' }));
    }
  });

  it('a key without kid is tried although nineteen others stand before it', async () => {
    const { issuer, clock } = await createWorld();
    const others = Array.from({ length: 19 }, () => ecKeyOf('P-256')()[0] ?? {});
    const unnamed = issuer.jwks().keys.map(({ kid: _kid, ...key }) => key);
    const keys = { publicKey: [...others, ...unnamed] };
    const verifier = createVerifier({ issuers: { ...issuer.policy, keys }, now: clock.now });
    await verifier.verify(await issuer.mint());
    await verifier.verify(await issuer.mint({}, { kid: undefined }));
  });

  it('a new key is fetched at once although a key without kid stands in the set', async () => {
    const { issuer, clock } = await createWorld();
    let published: readonly unknown[] = ecKeyOf('P-256')();
    const fetchKeys = async () => Response.json({ keys: published });
    const verifier = createVerifier({
      issuers: { ...issuer.policy, keys: { jwksUri: issuer.jwksUri, fetch: fetchKeys } },
      now: clock.now,
    });
    await verifier.ready();
    published = [...published, ...issuer.jwks().keys];
    await verifier.verify(await issuer.mint());
    expect(verifier.counters().keyFetches).toBe(2);
  });

  it('no kid with one key of the algorithm: that key is tried; with two: refused', async () => {
    const { issuer, verifier: create } = await createWorld();
    await create().verify(await issuer.mint({}, { kid: undefined }));
    await issuer.rotate();
    const refusal = await refusalOf(create().verify(await issuer.mint({}, { kid: undefined })));
    expect(refusal.code).toBe('INVALID_TOKEN');
  });
});
