import { describe, expect, it, vi } from 'vitest';
import { createVerifier } from 'latchkey';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { type Answer, serveInvoicesApi } from '../world/invoices-api.js';
import { AUDIENCE, startOpenIdProvider } from '../world/openid-provider.js';
import { PATIENCE } from '../world/patience.js';

// The provider dates its tokens with the real clock; from here they are never from the future.
const A_MINUTE_AHEAD = Math.floor(Date.now() / 1000) + 60;
const CACHE_SECONDS = 60;
const STALE_SECONDS = 3600;

/** A provider, and a resource server that knows nothing of it yet but its issuer identifier. */
async function createWorld() {
  const provider = await startOpenIdProvider();
  const clock = createClock(A_MINUTE_AHEAD);
  const events = createEventLog();
  const verifier = createVerifier({
    issuers: {
      issuer: provider.issuer,
      audience: AUDIENCE,
      keys: { discovery: true, cacheSeconds: CACHE_SECONDS, staleSeconds: STALE_SECONDS },
      algorithms: ['ES256'],
      profile: 'rfc9068',
    },
    events,
    now: clock.now,
  });
  const api = await serveInvoicesApi(verifier);
  const [seen, unseen] = await Promise.all([provider.mint(), provider.mint()]);
  return { provider, clock, events, verifier, api, seen, unseen };
}

/** The same, after a first request. */
async function createWarmWorld() {
  const world = await createWorld();
  expect((await world.api.get('/me', world.seen)).status).toBe(200);
  expect(world.provider.requests).toEqual({ discovery: 1, jwks: 1 });
  return world;
}

function expectOutage(answer: Answer, retryAfterSeconds: number): void {
  expect(answer.status).toBe(503);
  expect(answer.headers.get('Retry-After')).toBe(String(retryAfterSeconds));
  expect(answer.headers.get('Cache-Control')).toBe('no-store');
  // A challenge would make a client throw its good token away.
  expect(answer.headers.get('WWW-Authenticate')).toBeNull();
}

describe('while the provider is down', () => {
  it('known keys go on serving after the cache time, and fetches are rare', async () => {
    const { provider, clock, events, verifier, api, seen, unseen } = await createWarmWorld();
    await provider.kill();

    clock.advance(CACHE_SECONDS);
    expect((await api.get('/me', seen)).status).toBe(200);
    expect((await api.get('/me', unseen)).status).toBe(200);
    for (let request = 0; request < 20; request += 1)
      expect((await api.get('/me', seen)).status).toBe(200);
    await vi.waitFor(() => expect(events.of('keys.failed')).toHaveLength(2), PATIENCE);
    expect(verifier.counters()).toMatchObject({ keyFetches: 3 });

    clock.advance(5);
    for (let request = 0; request < 20; request += 1)
      expect((await api.get('/me', unseen)).status).toBe(200);
    await vi.waitFor(() => expect(events.of('keys.failed')).toHaveLength(3), PATIENCE);
    expect(verifier.counters()).toMatchObject({ keyFetches: 4 });
    expect(events.of('keys.failed')).toMatchObject([
      { reason: 'network', retryAfterSeconds: 0 },
      { reason: 'network', retryAfterSeconds: 5 },
      { reason: 'network', retryAfterSeconds: 5 },
    ]);
    expect(events.of('token.refused')).toEqual([]);
  });

  it('a token of an unknown key is answered 503, because the key may well exist', async () => {
    const { provider, clock, api, events } = await createWarmWorld();
    await provider.rotate({ keepOld: true });
    const fresh = await provider.mint();
    await provider.kill();

    expectOutage(await api.get('/me', fresh), 5);
    expectOutage(await api.get('/me', fresh), 5);
    expect(events.of('token.refused')).toEqual([]);

    await provider.restart();
    clock.advance(5);
    expect((await api.get('/me', fresh)).status).toBe(200);
  });

  it('what needs no key is still refused with 401', async () => {
    const { provider, api, events } = await createWorld();
    const foreign = await provider.mint({ resource: 'https://payroll.example/api' });
    await provider.kill();

    expect((await api.get('/me', foreign)).status).toBe(401);
    expect((await api.get('/me')).status).toBe(401);
    expect(events.of('keys.failed')).toEqual([]);
  });

  it('a verifier that never had keys answers 503 and tries twice, then once in 5 s', async () => {
    const { provider, clock, verifier, api, seen, events } = await createWorld();
    await provider.kill();

    expectOutage(await api.get('/me', seen), 1);
    expectOutage(await api.get('/me', seen), 5);
    for (let request = 0; request < 10; request += 1) expectOutage(await api.get('/me', seen), 5);
    expect(verifier.counters()).toMatchObject({ keyFetches: 2 });

    clock.advance(4);
    expectOutage(await api.get('/me', seen), 1);
    expect(verifier.counters()).toMatchObject({ keyFetches: 2 });
    clock.advance(1);
    expectOutage(await api.get('/me', seen), 5);
    expect(verifier.counters()).toMatchObject({ keyFetches: 3 });
    expect(events.of('token.refused')).toEqual([]);
    expect(provider.requests).toEqual({ discovery: 0, jwks: 0 });
  });

  it('ready() rejects with the reason, and the application may start all the same', async () => {
    const { provider, clock, verifier, api, seen } = await createWorld();
    await provider.kill();

    await expect(verifier.ready()).rejects.toMatchObject({
      code: 'KEYS_UNAVAILABLE',
      status: 503,
      cause: { reason: 'network' },
    });

    await provider.restart();
    clock.advance(5);
    await expect(verifier.ready()).resolves.toBeUndefined();
    expect((await api.get('/me', seen)).status).toBe(200);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 1 });
  });

  it('known keys stop serving at the stale limit, cached tokens included', async () => {
    const { provider, clock, verifier, api, seen, unseen, events } = await createWarmWorld();
    await provider.kill();

    clock.advance(STALE_SECONDS - 10);
    expect((await api.get('/me', seen)).status).toBe(200);
    expect(verifier.counters()).toMatchObject({ cachedTokens: 1, keyFetches: 2 });

    clock.advance(10);
    expectOutage(await api.get('/me', seen), 1);
    expectOutage(await api.get('/me', unseen), 5);
    expect(verifier.counters()).toMatchObject({ cachedTokens: 1, keyFetches: 4 });
    expect(events.of('token.refused')).toEqual([]);
  });
});

describe('once the provider is back', () => {
  it('a verifier that never had keys serves within 5 s', async () => {
    const { provider, clock, api, seen, unseen } = await createWorld();
    await provider.kill();
    expectOutage(await api.get('/me', seen), 1);
    expectOutage(await api.get('/me', seen), 5);
    await provider.restart();

    clock.advance(4);
    expectOutage(await api.get('/me', seen), 1);
    expect(provider.requests).toEqual({ discovery: 0, jwks: 0 });

    clock.advance(1);
    expect((await api.get('/me', seen)).status).toBe(200);
    expect((await api.get('/me', unseen)).status).toBe(200);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 1 });
  });

  it('keys are refreshed in the background, with new metadata', async () => {
    const { provider, clock, events, api, seen } = await createWarmWorld();
    await provider.kill();
    clock.advance(CACHE_SECONDS);
    expect((await api.get('/me', seen)).status).toBe(200);
    await provider.restart();

    clock.advance(5);
    expect((await api.get('/me', seen)).status).toBe(200);
    await vi.waitFor(() => expect(events.of('keys.fetched')).toHaveLength(2), PATIENCE);
    expect(provider.requests).toEqual({ discovery: 2, jwks: 2 });

    // Everything is as it was before: quiet until the next refresh is due.
    expect((await api.get('/me', seen)).status).toBe(200);
    expect(provider.requests).toEqual({ discovery: 2, jwks: 2 });
  });

  it('a key that it has removed meanwhile ends its tokens', async () => {
    const { provider, clock, events, api, seen } = await createWarmWorld();
    await provider.kill();
    clock.advance(CACHE_SECONDS);
    expect((await api.get('/me', seen)).status).toBe(200);
    await provider.rotate({ keepOld: false });
    await provider.restart();

    clock.advance(5);
    // Answered by the old keys while the new ones are on their way.
    expect((await api.get('/me', seen)).status).toBe(200);
    await vi.waitFor(() => expect(events.of('keys.fetched')).toHaveLength(2), PATIENCE);
    expect((await api.get('/me', seen)).status).toBe(401);
    expect((await api.get('/me', await provider.mint())).status).toBe(200);
  });

  it('a verifier beyond the stale limit serves again within 5 s', async () => {
    const { provider, clock, api, seen, unseen } = await createWarmWorld();
    await provider.kill();
    clock.advance(STALE_SECONDS);
    expectOutage(await api.get('/me', seen), 1);
    expectOutage(await api.get('/me', seen), 5);
    await provider.restart();

    clock.advance(5);
    expect((await api.get('/me', seen)).status).toBe(200);
    expect((await api.get('/me', unseen)).status).toBe(200);
    expect(provider.requests).toEqual({ discovery: 2, jwks: 2 });
  });
});
