import { createPublicKey, type JsonWebKey } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  createVerifier,
  type IssuerOptions,
  type KeySource,
  type SignatureAlgorithm,
  type VerifierOptions,
} from 'latchkey';
import { createTestIssuer, type TestIssuer, type TestIssuerOptions } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { type Clock, createClock } from '../world/clock.js';
import { createEventLog, type EventLog } from '../world/event-log.js';
import { refusalOf } from '../world/refusal-of.js';
import { serve } from '../world/serve.js';

interface World {
  readonly clock: Clock;
  readonly events: EventLog;
  readonly issuer: TestIssuer;
  /** A verifier of the issuer's tokens with these keys. */
  readonly verifier: (
    keys: KeySource,
    own?: Partial<IssuerOptions>,
  ) => ReturnType<typeof createVerifier>;
}

async function createWorld(options: TestIssuerOptions = {}): Promise<World> {
  const clock = createClock();
  const events = createEventLog();
  const issuer = await createTestIssuer({ algorithm: 'ES256', now: clock.now, ...options });
  const shared: VerifierOptions = { events, now: clock.now };
  return {
    ...{ clock, events, issuer },
    verifier: (keys, own) =>
      createVerifier({ ...shared, issuers: { ...issuer.policy, ...own, keys } }),
  };
}

/** The issuer's keys without the given members. */
function without(issuer: TestIssuer, ...names: readonly string[]): JsonWebKey[] {
  return issuer
    .jwks()
    .keys.map((key) =>
      Object.fromEntries(Object.entries(key).filter(([name]) => !names.includes(name))),
    );
}

describe('a fetched key set', () => {
  it.each([
    'application/jwk-set+json',
    'application/json; charset=utf-8',
    'text/plain',
    'application/octet-stream',
    undefined,
  ])('is read whatever its media type: %s', async (type) => {
    const { issuer, verifier } = await createWorld();
    const { origin } = await serve((_req, res) => {
      if (type !== undefined) res.setHeader('Content-Type', type);
      res.end(JSON.stringify(issuer.jwks()));
    });
    await verifier({ jwksUri: `${origin}/keys` }).verify(await issuer.mint());
  });

  it('is asked for as a JWK Set or as JSON; metadata is asked for as JSON', async () => {
    const headers: IncomingHttpHeaders[] = [];
    let body: unknown;
    const { origin } = await serve((req, res) => {
      headers.push(req.headers);
      res.end(JSON.stringify(body));
    });
    const { issuer, verifier } = await createWorld({ issuer: origin });
    body = { issuer: origin, jwks_uri: `${origin}/keys`, ...issuer.jwks() };
    await verifier({ discovery: true }).verify(await issuer.mint());
    expect(headers.map(({ accept }) => accept)).toEqual([
      'application/json',
      'application/jwk-set+json, application/json',
    ]);
  });

  it('is read with a byte order mark before it, and so is metadata', async () => {
    let body: unknown;
    const { origin } = await serve((_req, res) => {
      res.end(`\uFEFF${JSON.stringify(body)}`);
    });
    const { issuer, verifier } = await createWorld({ issuer: origin });
    body = { issuer: origin, jwks_uri: `${origin}/keys`, ...issuer.jwks() };
    await verifier({ discovery: true }).verify(await issuer.mint());
  });

  it.each([
    { title: 'members that we do not know', members: { x5c: ['MIIB'], ext: true, exp: 1, '': {} } },
    {
      title: 'null for what it has no value for',
      members: { use: null, key_ops: null, alg: null, d: null, issuer: null },
    },
    {
      title: 'operations beside verifying',
      members: { key_ops: ['sign', 'verify', 'something-new'] },
    },
  ])('is read with $title', async ({ members }) => {
    const { issuer, verifier } = await createWorld();
    const keys = issuer.jwks().keys.map((key) => ({ ...key, ...members }));
    const fetchKeys = async () => Response.json({ keys, version: 7, keys_expire: null });
    await verifier({ jwksUri: issuer.jwksUri, fetch: fetchKeys }).verify(await issuer.mint());
  });

  it('keeps verified tokens when a key comes again with other unknown members', async () => {
    const { issuer, clock, events, verifier: create } = await createWorld();
    let times = 0;
    const fetchKeys = async () => {
      times += 1;
      return Response.json({ keys: issuer.jwks().keys.map((key) => ({ ...key, times })) });
    };
    const verifier = create({ jwksUri: issuer.jwksUri, fetch: fetchKeys });
    const token = await issuer.mint({ exp: clock.now() / 1000 + 7200 });
    await verifier.verify(token);
    await refusalOf(verifier.verify(await issuer.mint({}, { kid: 'unknown' })));
    await verifier.verify(token);
    expect(verifier.counters().signatureChecks).toBe(1);
    expect(events.of('keys.fetched')).toMatchObject([
      { added: 1, withdrawn: 0 },
      { added: 0, withdrawn: 0 },
    ]);
  });

  it('says of a key that is skipped why, also of a set that the application holds', async () => {
    const { issuer, events, verifier } = await createWorld();
    const [key = {}] = issuer.jwks().keys;
    const skipped = [
      { ...key, kid: 'encryption', use: 'enc' },
      { ...key, kid: 'of another\nalgorithm', alg: 'RS256' },
      { kty: 'EC', kid: 'malformed' },
    ];
    verifier({ jwks: { keys: [...skipped, key] } });
    expect(events.of('keys.skipped')).toEqual([
      { issuer: issuer.issuer, kid: 'encryption', reason: 'use' },
      { issuer: issuer.issuer, kid: 'of?another?algorithm', reason: 'algorithm' },
      { issuer: issuer.issuer, kid: 'malformed', reason: 'malformed' },
    ]);
  });
});

describe('the limit on key fetches', () => {
  it('does not save up time: after a pause there are two at once and no third', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create({ jwksUri: issuer.jwksUri, fetch: issuer.fetch });
    issuer.goDown();
    const ask = () => refusalOf(verifier.ready());
    await ask();
    clock.advance(9.9);
    await ask();
    await ask();
    clock.advance(0.2);
    await ask();
    expect(verifier.counters().keyFetches).toBe(3);
    clock.advance(4.8);
    await ask();
    expect(verifier.counters().keyFetches).toBe(4);
  });

  it('outlives a clock that is set back by an hour', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create({ jwksUri: issuer.jwksUri, fetch: issuer.fetch });
    await verifier.ready();
    clock.advance(-3600);
    for (let count = 0; count < 5; count += 1)
      await refusalOf(verifier.verify(await issuer.mint({}, { kid: `unknown-${count}` })));
    expect(verifier.counters().keyFetches).toBe(2);
    clock.advance(5);
    await issuer.rotate();
    await verifier.verify(await issuer.mint());
  });
});

describe('a stale limit of 0', () => {
  it('lets keys serve as long as they are fresh, and no longer during an outage', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create({ jwksUri: issuer.jwksUri, fetch: issuer.fetch, staleSeconds: 0 });
    await verifier.verify(await issuer.mint());
    issuer.goDown();
    clock.advance(599);
    await verifier.verify(await issuer.mint());
    await new Promise(setImmediate);
    clock.advance(1);
    const refusal = await refusalOf(verifier.verify(await issuer.mint()));
    expect(refusal.code).toBe('KEYS_UNAVAILABLE');
  });
});

describe('initial keys', () => {
  it('serve before the first fetch, which starts in the background', async () => {
    const { issuer, events, verifier: create } = await createWorld();
    const verifier = create({
      ...{ jwksUri: issuer.jwksUri, fetch: issuer.fetch },
      initial: issuer.jwks(),
    });
    expect(issuer.fetchCounts.jwks).toBe(0);
    expect(verifier.verifyNow(issuer.mintSync())).not.toBeInstanceOf(Promise);
    await new Promise(setImmediate);
    expect(issuer.fetchCounts.jwks).toBe(1);
    expect(events.of('keys.fetched')).toMatchObject([{ keys: 1, added: 0, withdrawn: 0 }]);
    await verifier.verify(await issuer.mint());
    expect(verifier.counters()).toMatchObject({ keyFetches: 1, signatureChecks: 2 });
  });

  it('serve although the endpoint hangs, and ready() does not wait for it', async () => {
    const { issuer, verifier: create } = await createWorld();
    issuer.goDown('hang');
    const verifier = create({
      ...{ jwksUri: issuer.jwksUri, fetch: issuer.fetch, timeoutMs: 1000 },
      initial: issuer.jwks(),
    });
    await verifier.ready();
    expect(verifier.counters().keyFetches).toBe(1);
    await verifier.verify(await issuer.mint());
  });

  it('end with the first successful fetch that does not have them', async () => {
    const { issuer, verifier: create } = await createWorld();
    const initial = issuer.jwks();
    const old = await issuer.mint();
    await issuer.rotate({ keepOld: false });
    const verifier = create({ jwksUri: issuer.jwksUri, fetch: issuer.fetch, initial });
    await verifier.verify(old);
    await new Promise(setImmediate);
    expect(await refusalOf(verifier.verify(old))).toMatchObject({ reason: 'unknown_key' });
    await verifier.verify(await issuer.mint());
  });

  it('end with the stale limit, counted from the start, while no fetch succeeds', async () => {
    const { issuer, clock, verifier: create } = await createWorld();
    const verifier = create({
      ...{ jwksUri: issuer.jwksUri, fetch: issuer.fetch, staleSeconds: 3600 },
      initial: issuer.jwks(),
    });
    issuer.goDown();
    clock.advance(3599);
    await verifier.verify(await issuer.mint());
    await new Promise(setImmediate);
    clock.advance(1);
    const refusal = await refusalOf(verifier.verify(await issuer.mint()));
    expect(refusal.code).toBe('KEYS_UNAVAILABLE');
  });

  it('are left for a new key as soon as a token names it', async () => {
    const { issuer, verifier: create } = await createWorld();
    const initial = issuer.jwks();
    await issuer.rotate();
    const verifier = create({ jwksUri: issuer.jwksUri, fetch: issuer.fetch, initial });
    await verifier.verify(await issuer.mint());
  });

  it.each([
    { title: 'are not a JWK Set', initial: { key: [] } },
    { title: 'are none', initial: { keys: [] } },
    { title: 'are of another algorithm', initial: { keys: [{ kty: 'RSA', alg: 'RS512' }] } },
  ])('are refused at start-up when they $title', async ({ initial }) => {
    const { issuer, verifier } = await createWorld();
    const given = JSON.parse(JSON.stringify(initial));
    expect(() => verifier({ jwksUri: issuer.jwksUri, initial: given })).toThrow(TypeError);
  });
});

describe('Ed25519 and EdDSA, two names of one algorithm', () => {
  const names = ['EdDSA', 'Ed25519', undefined] as const;
  const combinations = names.flatMap((inKey) =>
    (['EdDSA', 'Ed25519'] as const).flatMap((inToken) =>
      names.map((inPolicy) => ({ inKey, inToken, inPolicy })),
    ),
  );

  it.each(combinations)(
    'agree: $inKey in the key, $inToken in the token, $inPolicy in the policy',
    async ({ inKey, inToken, inPolicy }) => {
      const { issuer, clock } = await createWorld({ algorithm: 'EdDSA' });
      const keys = without(issuer, 'alg').map((key) => (inKey ? { ...key, alg: inKey } : key));
      const sources: KeySource[] = [
        { jwks: { keys } },
        { publicKey: keys },
        { jwksUri: issuer.jwksUri, fetch: async () => Response.json({ keys }) },
      ];
      for (const source of sources) {
        const verifier = createVerifier({
          issuers: {
            ...{ issuer: issuer.issuer, audience: issuer.audience, keys: source },
            ...(inPolicy && { algorithms: [inPolicy] }),
          },
          now: clock.now,
        });
        await verifier.verify(await issuer.mint({}, { alg: inToken }));
      }
    },
  );
});

describe('a key without `alg`', () => {
  const sources: { source: string; keysOf: (issuer: TestIssuer) => KeySource }[] = [
    { source: 'a fetched set', keysOf: fetched },
    { source: 'a set', keysOf: (issuer) => ({ jwks: { keys: without(issuer, 'alg') } }) },
    { source: 'a JWK', keysOf: (issuer) => ({ publicKey: without(issuer, 'alg') }) },
    { source: 'a PEM', keysOf: (issuer) => ({ publicKey: issuer.jwks().keys.map(pemOf) }) },
  ];
  const lists: SignatureAlgorithm[][] = [
    ['PS256'],
    ['PS256', 'RS256'],
    ['RS256', 'PS256'],
    ['ES256', 'RS256', 'PS256', 'EdDSA'],
  ];
  const cases = sources.flatMap((source) =>
    lists.map((algorithms) => ({ ...source, algorithms, list: algorithms.join(', ') })),
  );

  it.each(cases)(
    'of $source serves each algorithm of its kind: $list',
    async ({ keysOf, algorithms }) => {
      for (const algorithm of ['RS256', 'PS256'] as const) {
        if (!algorithms.includes(algorithm)) continue;
        const { issuer, verifier } = await createWorld({ algorithm });
        await verifier(keysOf(issuer), { algorithms }).verify(await issuer.mint());
      }
    },
  );

  it.each(cases)(
    'of $source serves no algorithm that the policy does not list: $list',
    async ({ keysOf, algorithms }) => {
      const { issuer, verifier: create } = await createWorld({ algorithm: 'RS256' });
      const verifier = create(keysOf(issuer), { algorithms });
      for (const alg of ['RS384', 'RS512', 'PS384', 'HS256', 'none', 'RS1'])
        expect(await refusalOf(verifier.verify(await issuer.mint({}, { alg })))).toMatchObject({
          reason: 'algorithm',
        });
    },
  );

  it.each(sources.slice(1))(
    'of $source is refused at start-up where no algorithm fits it',
    async ({ keysOf }) => {
      const { issuer, verifier } = await createWorld({ algorithm: 'RS256' });
      expect(() => verifier(keysOf(issuer), { algorithms: ['ES256'] })).toThrow(TypeError);
    },
  );

  it('of a fetched set causes 503 and an event where no algorithm fits it', async () => {
    const { issuer, events, verifier } = await createWorld({ algorithm: 'RS256' });
    const refusal = await refusalOf(
      verifier(fetched(issuer), { algorithms: ['ES256'] }).verify(
        await issuer.mint({}, { alg: 'ES256' }),
      ),
    );
    expect(refusal.code).toBe('KEYS_UNAVAILABLE');
    expect(events.of('keys.skipped')).toMatchObject([{ reason: 'algorithm' }]);
  });

  it('verifies a PS256 signature only as PS256, and an RS256 signature only as RS256', async () => {
    const { issuer, verifier: create } = await createWorld({ algorithm: 'PS256' });
    const verifier = create(fetched(issuer), { algorithms: ['PS256', 'RS256'] });
    await verifier.verify(await issuer.mint());
    const [, payload, signature] = issuer.mintSync().split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid: issuer.kid }));
    const forged = [header.toString('base64url'), payload, signature].join('.');
    expect(await refusalOf(verifier.verify(forged))).toMatchObject({ reason: 'signature' });
  });
});

describe('a key with `alg`', () => {
  it('serves that algorithm only, although the policy lists others of its kind', async () => {
    const { issuer, verifier } = await createWorld({ algorithm: 'PS256' });
    const keys = without(issuer, 'alg').map((key) => ({ ...key, alg: 'RS256' }));
    const refusal = await refusalOf(
      verifier({ jwks: { keys } }, { algorithms: ['PS256', 'RS256'] }).verify(await issuer.mint()),
    );
    expect(refusal).toMatchObject({ status: 401, reason: 'unknown_key' });
  });
});

function pemOf(key: JsonWebKey): string {
  return String(createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }));
}

/** The issuer's keys without `alg`, behind its URL. */
function fetched(issuer: TestIssuer): KeySource {
  return {
    jwksUri: issuer.jwksUri,
    fetch: async () => Response.json({ keys: without(issuer, 'alg') }),
  };
}

it.each(['cacheSecond', 'intial', 'jwks_uri'])(
  'a misspelt option of a fetched set, %s, is refused at start-up',
  async (name) => {
    const { issuer, verifier } = await createWorld();
    const keys = { jwksUri: issuer.jwksUri, [name]: 600 };
    expect(() => verifier(keys)).toThrow(TypeError);
  },
);
