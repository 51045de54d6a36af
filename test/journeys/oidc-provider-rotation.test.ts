import { decodeProtectedHeader } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { createVerifier } from 'latchkey';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { type InvoicesApi, serveInvoicesApi } from '../world/invoices-api.js';
import { AUDIENCE, startOpenIdProvider } from '../world/openid-provider.js';
import { PATIENCE } from '../world/patience.js';

// The provider dates its tokens with the real clock; from here they are never from the future.
const A_MINUTE_AHEAD = Math.floor(Date.now() / 1000) + 60;
const CACHE_SECONDS = 60;
// A refresh in the background starts when four fifths of the cache time are over.
const REFRESH_SECONDS = 48;

/** A provider, and a resource server that has verified one of its tokens already. */
async function createWorld() {
  const provider = await startOpenIdProvider();
  const clock = createClock(A_MINUTE_AHEAD);
  const events = createEventLog();
  const verifier = createVerifier({
    issuers: {
      issuer: provider.issuer,
      audience: AUDIENCE,
      keys: { discovery: true, cacheSeconds: CACHE_SECONDS, staleSeconds: 3600 },
      algorithms: ['ES256'],
      profile: 'rfc9068',
    },
    events,
    now: clock.now,
  });
  const api = await serveInvoicesApi(verifier);
  const oldKid = provider.kid;
  const [seen, unseen] = await Promise.all([provider.mint(), provider.mint()]);
  expect((await api.get('/me', seen)).status).toBe(200);
  expect(provider.requests).toEqual({ discovery: 1, jwks: 1 });
  return { provider, clock, events, verifier, api, oldKid, seen, unseen };
}

async function statusOf(api: InvoicesApi, token: string): Promise<number> {
  return (await api.get('/me', token)).status;
}

describe('while old and new keys overlap', () => {
  it('a key that the provider starts to sign with this second is found at once', async () => {
    const { provider, api, oldKid, seen, unseen, events } = await createWorld();
    const newKid = await provider.rotate({ keepOld: true });
    const fresh = await provider.mint();

    expect(decodeProtectedHeader(fresh).kid).toBe(newKid);
    expect(newKid).not.toBe(oldKid);
    expect(await statusOf(api, fresh)).toBe(200);
    expect(await statusOf(api, seen)).toBe(200);
    expect(await statusOf(api, unseen)).toBe(200);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 2 });
    expect(events.of('keys.fetched')).toMatchObject([
      { keys: 1, added: 1, withdrawn: 0 },
      { keys: 2, added: 1, withdrawn: 0 },
    ]);
  });

  it('an old token that was verified before costs no second signature check', async () => {
    const { provider, api, seen, verifier } = await createWorld();
    await provider.rotate({ keepOld: true });
    await api.get('/me', await provider.mint());

    expect(verifier.counters()).toMatchObject({ signatureChecks: 2, cachedTokens: 2 });
    expect(await statusOf(api, seen)).toBe(200);
    expect(verifier.counters()).toMatchObject({ signatureChecks: 2, cachedTokens: 2 });
  });

  it('many first tokens of a new key cost one fetch together', async () => {
    const { provider, api } = await createWorld();
    await provider.rotate({ keepOld: true });
    const tokens = await Promise.all(Array.from({ length: 20 }, () => provider.mint()));

    const statuses = await Promise.all(tokens.map((token) => statusOf(api, token)));

    expect(statuses).toEqual(tokens.map(() => 200));
    expect(provider.requests).toEqual({ discovery: 1, jwks: 2 });
  });

  it('two rotations within 5 s are both followed, the second after 5 s', async () => {
    const { provider, clock, api, events } = await createWorld();
    await provider.rotate({ keepOld: true });
    expect(await statusOf(api, await provider.mint())).toBe(200);
    await provider.rotate({ keepOld: true });
    const newest = await provider.mint();

    // Two fetches at once are all there are, so that made-up key ids cannot cause a flood of them.
    expect(await statusOf(api, newest)).toBe(401);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 2 });
    expect(events.of('token.refused')).toMatchObject([{ reason: 'unknown_key' }]);

    clock.advance(5);
    expect(await statusOf(api, newest)).toBe(200);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 3 });
  });
});

describe('a removed key', () => {
  it('ends its tokens, cached ones too, as soon as a token of a new key has come', async () => {
    const { provider, api, seen, unseen, events } = await createWorld();
    await provider.rotate({ keepOld: false });
    const fresh = await provider.mint();

    expect(await statusOf(api, fresh)).toBe(200);
    expect(await statusOf(api, seen)).toBe(401);
    expect(await statusOf(api, unseen)).toBe(401);
    expect(await statusOf(api, fresh)).toBe(200);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 2 });
    expect(events.of('keys.fetched').at(-1)).toMatchObject({ keys: 1, added: 1, withdrawn: 1 });
    expect(events.of('token.refused')).toMatchObject([
      { code: 'INVALID_TOKEN', reason: 'unknown_key' },
      { code: 'INVALID_TOKEN', reason: 'unknown_key' },
    ]);
  });

  it('ends its tokens, cached ones too, with the refresh in the background', async () => {
    const { provider, clock, events, api, oldKid, seen, unseen } = await createWorld();
    await provider.rotate({ keepOld: true });
    provider.publishWithout(oldKid);

    clock.advance(REFRESH_SECONDS - 1);
    expect(await statusOf(api, seen)).toBe(200);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 1 });

    clock.advance(1);
    // This request starts the refresh and does not wait for it.
    expect(await statusOf(api, seen)).toBe(200);
    await vi.waitFor(() => expect(events.of('keys.fetched')).toHaveLength(2), PATIENCE);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 2 });

    const refused = await api.get('/me', seen);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('WWW-Authenticate')).toContain('error="invalid_token"');
    expect(await statusOf(api, unseen)).toBe(401);
    // One more, and no more: a key id may have been published after the refresh.
    expect(provider.requests).toEqual({ discovery: 1, jwks: 3 });
  });

  it('ends its tokens, cached ones too, when the cache time is over', async () => {
    const { provider, clock, api, oldKid, seen, unseen } = await createWorld();
    await provider.rotate({ keepOld: true });
    provider.publishWithout(oldKid);

    clock.advance(CACHE_SECONDS);
    expect(await statusOf(api, seen)).toBe(401);
    expect(await statusOf(api, unseen)).toBe(401);
    expect(await statusOf(api, await provider.mint())).toBe(200);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 3 });
  });

  it('stays removed while the provider is down', async () => {
    const { provider, clock, api, seen } = await createWorld();
    await provider.rotate({ keepOld: false });
    const fresh = await provider.mint();
    expect(await statusOf(api, fresh)).toBe(200);
    await provider.kill();

    clock.advance(CACHE_SECONDS);
    expect(await statusOf(api, fresh)).toBe(200);
    expect(await statusOf(api, seen)).toBe(503);
  });

  it('counts again when the provider publishes it again', async () => {
    const { provider, clock, api, oldKid, seen } = await createWorld();
    const newKid = await provider.rotate({ keepOld: true });
    provider.publishWithout(oldKid);
    await statusOf(api, await provider.mint());
    expect(await statusOf(api, seen)).toBe(401);

    provider.publishAgain(oldKid);
    clock.advance(5);
    expect(await statusOf(api, seen)).toBe(200);
    expect(provider.kid).toBe(newKid);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 3 });
  });
});
