import { createVerifier, type IssuerOptions, type KeySource } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createFetchBucket } from '../../lib/verifier/keys/fetch-bucket.js';
import { printable } from '../../lib/verifier/keys/printable.js';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { refusalOf } from '../world/refusal-of.js';

async function createWorld(keys: Partial<Extract<KeySource, { jwksUri: string }>> = {}) {
  const clock = createClock();
  const events = createEventLog();
  const issuer = await createTestIssuer({ algorithm: 'ES256', now: clock.now });
  const verifier = createVerifier({
    issuers: {
      ...issuer.policy,
      keys: { jwksUri: issuer.jwksUri, fetch: issuer.fetch, ...keys },
    },
    ...{ events, now: clock.now },
  });
  const verify = async () => verifier.verify(await issuer.mint());
  return { clock, events, issuer, verifier, verify };
}

/** The refusal and the event of a verifier that is given this response instead of keys. */
async function failureOf(
  respond: typeof fetch,
  { timeoutMs = 5000, ...own }: Partial<IssuerOptions> & { readonly timeoutMs?: number } = {},
) {
  const clock = createClock();
  const events = createEventLog();
  const issuer = await createTestIssuer({ algorithm: 'ES256', now: clock.now });
  const keys = { jwksUri: issuer.jwksUri, fetch: respond, timeoutMs };
  const verifier = createVerifier({
    issuers: { ...issuer.policy, keys, ...own },
    ...{ events, now: clock.now },
  });
  const refusal = await refusalOf(verifier.ready());
  return { refusal, events: events.of('keys.failed'), issuer };
}

describe('a response that holds no keys', () => {
  const responses: { title: string; respond: typeof fetch; reason: string }[] = [
    ...['', 'null', '[]', '5', '"keys"', '{}', '{"keys":null}', '{"keys":{}}', '<html>'].map(
      (body) => ({
        title: `the body ${body}`,
        respond: async () => new Response(body),
        reason: 'not_json',
      }),
    ),
    {
      title: '101 keys',
      respond: async () => Response.json({ keys: Array(101).fill({}) }),
      reason: 'too_large',
    },
    {
      title: '100 keys that cannot be used',
      respond: async () => Response.json({ keys: Array(100).fill({}) }),
      reason: 'no_usable_key',
    },
    {
      title: 'status 404 with a body',
      respond: async () => new Response('{"keys":[]}', { status: 404 }),
      reason: 'status',
    },
    {
      title: 'status 503 without a body',
      respond: async () => new Response(null, { status: 503 }),
      reason: 'status',
    },
    {
      title: 'status 201',
      respond: async () => Response.json({ keys: [] }, { status: 201 }),
      reason: 'status',
    },
    {
      title: 'more than 1 MB',
      respond: async () => new Response(' '.repeat(1_100_000)),
      reason: 'too_large',
    },
  ];

  it.each(responses)('of $title: $reason', async ({ respond, reason }) => {
    const { refusal, events, issuer } = await failureOf(respond);
    expect(refusal).toMatchObject({
      ...{ code: 'KEYS_UNAVAILABLE', reason: 'key_set' },
      cause: { name: 'KeyFetchError', reason, foundIssuer: undefined },
    });
    expect(events).toEqual([{ issuer: issuer.issuer, reason, retryAfterSeconds: 0 }]);
  });

  it('is left unread when its status is another than 200', async () => {
    let isCancelled = false;
    const body = new ReadableStream({
      cancel() {
        isCancelled = true;
      },
    });
    await failureOf(async () => new Response(body, { status: 500 }));
    expect(isCancelled).toBe(true);
  });

  it('because the connection broke tells the reason in the cause', async () => {
    const cause = new TypeError('fetch failed');
    const { refusal } = await failureOf(() => Promise.reject(cause));
    expect(refusal.cause).toMatchObject({ reason: 'network', cause });
  });

  it('within the time limit tells of the limit in the cause', async () => {
    const { refusal } = await failureOf(
      (_url, init) =>
        new Promise((_resolve, reject) => {
          init?.signal?.addEventListener('abort', () => reject(new Error('ended')));
        }),
      { timeoutMs: 50 },
    );
    expect(refusal.cause).toMatchObject({ reason: 'timeout', cause: { message: 'ended' } });
  });

  it('because its URL is not allowed tells why in the cause', async () => {
    const respond: typeof fetch = async () =>
      Response.json({ issuer: 'https://issuer.test', jwks_uri: 'http://issuer.test/jwks' });
    const { refusal } = await failureOf(respond, { keys: { discovery: true, fetch: respond } });
    expect(refusal.cause).toMatchObject({ reason: 'url', cause: { name: 'TypeError' } });
  });

  it.each([
    { title: 'null', metadata: null, foundIssuer: undefined },
    { title: 'a list', metadata: [], foundIssuer: undefined },
    { title: 'without an issuer', metadata: {}, foundIssuer: undefined },
    { title: 'whose issuer is a list', metadata: { issuer: ['x'] }, foundIssuer: undefined },
    { title: 'of another issuer', metadata: { issuer: 'https://x' }, foundIssuer: 'https://x' },
  ])('because the metadata is $title', async ({ metadata, foundIssuer }) => {
    const respond: typeof fetch = async () => Response.json(metadata);
    const { refusal, events } = await failureOf(respond, {
      keys: { discovery: true, fetch: respond },
    });
    expect(refusal.cause).toMatchObject({ reason: 'issuer_mismatch', foundIssuer });
    expect(events).toEqual([
      {
        ...{ issuer: 'https://issuer.test', reason: 'issuer_mismatch', retryAfterSeconds: 0 },
        ...(foundIssuer !== undefined && { foundIssuer }),
      },
    ]);
  });
});

describe('a set of 100 keys', () => {
  it('is read', async () => {
    const { issuer, clock } = await createWorld();
    const keys = [...Array(99).fill({ kty: 'unknown' }), ...issuer.jwks().keys];
    const verifier = createVerifier({
      issuers: {
        ...issuer.policy,
        keys: { jwksUri: issuer.jwksUri, fetch: async () => Response.json({ keys }) },
      },
      now: clock.now,
    });
    await verifier.verify(await issuer.mint());
  });
});

describe('a fetched set', () => {
  const moment = () => new Promise(setImmediate);

  it.each([
    { cacheSeconds: undefined, dueSeconds: 480 },
    { cacheSeconds: 100, dueSeconds: 80 },
  ])(
    'that is fresh for $cacheSeconds s is fetched again after $dueSeconds s, not before, and nobody waits',
    async ({ cacheSeconds, dueSeconds }) => {
      const { clock, issuer, verifier, verify } = await createWorld({
        ...(cacheSeconds !== undefined && { cacheSeconds }),
      });
      await verify();
      await verifier.ready();
      clock.advance(dueSeconds - 0.001);
      await verify();
      await moment();
      expect(issuer.fetchCounts.jwks).toBe(1);
      clock.advance(0.001);
      expect(verifier.verifyNow(issuer.mintSync())).not.toBeInstanceOf(Promise);
      await moment();
      expect(issuer.fetchCounts.jwks).toBe(2);
    },
  );

  it('is waited for once it is no longer fresh', async () => {
    const { clock, issuer, verifier, verify } = await createWorld();
    await verify();
    clock.advance(600);
    const verdict = verifier.verifyNow(issuer.mintSync());
    expect(verdict).toBeInstanceOf(Promise);
    await verdict;
    expect(issuer.fetchCounts.jwks).toBe(2);
  });

  it('tells how many keys came and went', async () => {
    const { clock, events, issuer, verify } = await createWorld();
    await verify();
    const old = issuer.kid;
    await issuer.rotate();
    await verify();
    issuer.withdraw(old);
    await issuer.rotate();
    clock.advance(10);
    await verify();
    expect(events.of('keys.fetched')).toEqual([
      { issuer: issuer.issuer, keys: 1, added: 1, withdrawn: 0 },
      { issuer: issuer.issuer, keys: 2, added: 1, withdrawn: 0 },
      { issuer: issuer.issuer, keys: 2, added: 1, withdrawn: 1 },
    ]);
  });

  it('says in refusals and events when the next fetch may be', async () => {
    const { clock, events, issuer, verifier } = await createWorld();
    issuer.goDown();
    const waits: (string | undefined)[] = [];
    for (const seconds of [0, 0, 0, 1, 2.5]) {
      clock.advance(seconds);
      waits.push((await refusalOf(verifier.ready())).headers['Retry-After']);
    }
    expect(waits).toEqual(['1', '5', '5', '4', '2']);
    expect(events.of('keys.failed')).toEqual([
      { issuer: issuer.issuer, reason: 'status', retryAfterSeconds: 0 },
      { issuer: issuer.issuer, reason: 'status', retryAfterSeconds: 5 },
    ]);
  });

  it('is looked for again in the metadata after a failure', async () => {
    const clock = createClock();
    const issuer = await createTestIssuer({ algorithm: 'ES256', now: clock.now });
    const keys = { discovery: true, fetch: issuer.fetch } as const;
    const verifier = createVerifier({ issuers: { ...issuer.policy, keys }, now: clock.now });
    await verifier.ready();
    clock.advance(600);
    issuer.goDown();
    await verifier.ready();
    clock.advance(5);
    issuer.comeUp();
    await verifier.ready();
    await new Promise(setImmediate);
    expect(issuer.fetchCounts).toMatchObject({ discovery: 2, jwks: 3 });
  });
});

describe('permissions to fetch', () => {
  it('are two at once, and one more every 5 seconds up to two', () => {
    const bucket = createFetchBucket();
    const start = 1_800_000_000_000;
    const taken = (at: number) => [bucket.take(start + at), bucket.waitMs(start + at)];
    expect(taken(0)).toEqual([true, 0]);
    expect(taken(0)).toEqual([true, 5000]);
    expect(taken(0)).toEqual([false, 5000]);
    expect(taken(4999)).toEqual([false, 1]);
    expect(taken(5000)).toEqual([true, 5000]);
    expect(taken(12_000)).toEqual([true, 3000]);
    expect(taken(15_000)).toEqual([true, 5000]);
    expect(taken(100_000)).toEqual([true, 0]);
    expect(taken(100_000)).toEqual([true, 5000]);
    expect(taken(100_000)).toEqual([false, 5000]);
  });

  it('come back 5 seconds after the clock was set back', () => {
    const bucket = createFetchBucket();
    const start = 1_800_000_000_000;
    for (const isTaken of [true, true, false]) expect(bucket.take(start)).toBe(isTaken);
    expect(bucket.take(start - 3_600_000)).toBe(false);
    expect(bucket.waitMs(start - 3_600_000)).toBe(5000);
    expect(bucket.take(start - 3_595_000)).toBe(true);
  });
});

describe('a text of an issuer in an event', () => {
  it.each([
    { text: 'key-1', shown: 'key-1' },
    { text: '!~', shown: '!~' },
    { text: 'a b\nc\u007Fd\u00E9', shown: 'a?b?c?d?' },
    { text: 'k'.repeat(128), shown: 'k'.repeat(128) },
    { text: 'k'.repeat(129), shown: 'k'.repeat(128) },
    { text: '', shown: '' },
  ])('is visible ASCII of at most 128 characters: $text', ({ text, shown }) => {
    expect(printable(text)).toBe(shown);
  });
});
