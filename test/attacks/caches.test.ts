import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import express from 'express';
import {
  AuthError,
  createVerifier,
  type Principal,
  requireAuth,
  requireScopes,
  type VerifierOptions,
  principalOf,
} from 'latchkey';
import { createTestIssuer, type TestIssuerOptions } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { serve } from '../world/serve.js';

async function createWorld(options: TestIssuerOptions & Partial<VerifierOptions> = {}) {
  const { issuer: iss, audience, algorithm = 'ES256', profile, ...own } = options;
  const clock = createClock();
  const named = {
    ...(iss && { issuer: iss }),
    ...(audience && { audience }),
    ...(profile && { profile }),
  };
  const issuer = await createTestIssuer({ ...named, algorithm, now: clock.now });
  const verifier = createVerifier({ issuers: issuer.policy, now: clock.now, ...own });
  return { clock, issuer, verifier };
}

async function codeOf(verdict: Promise<Principal>): Promise<string> {
  return verdict.then(
    () => 'accepted',
    (error: AuthError) => error.code,
  );
}

describe('F1 tokens that are alike', () => {
  it('differ in scope only: each has its own verdict', async () => {
    const { verifier, issuer } = await createWorld();
    const claims = { sub: 'same', jti: 'same' };
    const reader = await issuer.mint({ ...claims, scope: 'read' });
    const writer = await issuer.mint({ ...claims, scope: 'write' });
    for (let round = 0; round < 2; round += 1) {
      expect([...(await verifier.verify(reader)).scopes]).toEqual(['read']);
      expect([...(await verifier.verify(writer)).scopes]).toEqual(['write']);
    }
  });

  it('end alike: a forged token does not share the verdict of a good one in flight', async () => {
    const { verifier, issuer } = await createWorld();
    const good = await issuer.mint();
    const [header, , signature] = good.split('.');
    const claims = Buffer.from(
      JSON.stringify({
        ...JSON.parse(Buffer.from(good.split('.')[1] ?? '', 'base64url').toString()),
        sub: 'admin',
      }),
    );
    const forged = `${header}.${claims.toString('base64url')}.${signature}`;
    const verdicts = await Promise.all(
      [good, forged, good, forged].map((token) => codeOf(verifier.verify(token))),
    );
    expect(verdicts).toEqual(['accepted', 'INVALID_TOKEN', 'accepted', 'INVALID_TOKEN']);
  });

  it('are the same under two policies: each policy judges for itself', async () => {
    const { verifier, issuer, clock } = await createWorld();
    const other = createVerifier({
      issuers: { ...issuer.policy, audience: 'https://other.test' },
      now: clock.now,
    });
    const token = await issuer.mint();
    await verifier.verify(token);
    expect(await codeOf(other.verify(token))).toBe('INVALID_TOKEN');
  });

  it('have the same header at two issuers: neither answers for the other', async () => {
    const clock = createClock();
    const [a, b] = await Promise.all(
      ['https://a.test', 'https://b.test'].map((issuer) =>
        createTestIssuer({ algorithm: 'HS256', issuer, now: clock.now }),
      ),
    );
    if (!a || !b) throw new Error('no issuers');
    const verifier = createVerifier({ issuers: [a.policy, b.policy], now: clock.now });
    const tokens = [await a.mint(), await b.mint()];
    for (let round = 0; round < 2; round += 1) {
      const principals = await Promise.all(tokens.map((token) => verifier.verify(token)));
      expect(principals.map(({ issuer }) => issuer)).toEqual(['https://a.test', 'https://b.test']);
    }
    expect(verifier.counters()).toMatchObject({ signatureChecks: 2, cachedTokens: 2 });
  });
});

describe('F2 a verified token', () => {
  it('is refused from exp plus tolerance on', async () => {
    const { verifier, issuer, clock } = await createWorld();
    const token = await issuer.mint({ exp: clock.now() / 1000 + 60 });
    await verifier.verify(token);
    clock.advance(64);
    await verifier.verify(token);
    clock.advance(1);
    const refusal: unknown = await verifier.verify(token).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'TOKEN_EXPIRED',
      problem: { expired_at: '2027-01-15T08:01:00Z' },
    });
  });

  it('is refused once it is older than the policy allows', async () => {
    const { issuer, clock } = await createWorld();
    const verifier = createVerifier({
      issuers: { ...issuer.policy, maxTokenAgeSeconds: 120 },
      now: clock.now,
    });
    const token = await issuer.mint();
    await verifier.verify(token);
    clock.advance(125);
    expect(await codeOf(verifier.verify(token))).toBe('INVALID_TOKEN');
  });

  it('is refused when the clock is set back to before nbf', async () => {
    const { verifier, issuer, clock } = await createWorld();
    const token = await issuer.mint({
      nbf: clock.now() / 1000 + 100,
      exp: clock.now() / 1000 + 900,
    });
    expect(await codeOf(verifier.verify(token))).toBe('INVALID_TOKEN');
    clock.advance(100);
    await verifier.verify(token);
    clock.advance(-50);
    expect(await codeOf(verifier.verify(token))).toBe('INVALID_TOKEN');
  });

  it('is verified again after five minutes', async () => {
    const { verifier, issuer, clock } = await createWorld();
    const token = await issuer.mint({ exp: clock.now() / 1000 + 3600 });
    await verifier.verify(token);
    clock.advance(299);
    await verifier.verify(token);
    expect(verifier.counters().signatureChecks).toBe(1);
    clock.advance(1);
    await verifier.verify(token);
    expect(verifier.counters().signatureChecks).toBe(2);
  });
});

describe('F3 a principal', () => {
  it('is frozen to its depths, so that no request changes what the next one sees', async () => {
    const { verifier, issuer } = await createWorld();
    const token = await issuer.mint({
      scope: 'read',
      roles: ['user'],
      attributes: { team: 'a', tags: ['x'] },
      orgs: [{ id: 'org_1', roles: ['member'] }],
      nested: { deep: [{ er: 1 }] },
    });
    const principal = await verifier.verify(token);
    const unfrozen: string[] = [];
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) unfrozen.push(path);
      for (const [name, inner] of Object.entries(value)) visit(inner, `${path}.${name}`);
    };
    visit(principal, 'principal');
    expect(unfrozen).toEqual([]);
    expect(() => Object.assign(principal.user, { id: 'admin' })).toThrow(TypeError);
    expect(() => Set.prototype.add.call(principal.scopes, 'admin')).toThrow(TypeError);
    expect([...(await verifier.verify(token)).scopes]).toEqual(['read']);
  });

  it('gives its token to who asks, and to no printer', async () => {
    const { verifier, issuer } = await createWorld();
    const token = await issuer.mint();
    const principal = await verifier.verify(token);
    const { inspect } = await import('node:util');
    expect(principal.token).toBe(token);
    for (const printed of [
      JSON.stringify(principal),
      inspect(principal, { depth: 9, showHidden: true }),
      JSON.stringify({ ...principal }),
    ])
      expect(printed).not.toContain(token.split('.')[2]);
  });
});

describe('F4 the cache', () => {
  it('holds nothing after 10,000 junk tokens of every kind', async () => {
    const { verifier, issuer } = await createWorld();
    await verifier.ready();
    const good = await issuer.mint();
    const cut = good.lastIndexOf('.');
    let refused = 0;
    for (let sent = 0; sent < 10_000; sent += 1) {
      const junk = [
        randomBytes(60).toString('base64url'),
        `${good.slice(0, cut)}.${randomBytes(64).toString('base64url')}`,
        `${randomBytes(30).toString('base64url')}.${randomBytes(90).toString('base64url')}.${randomBytes(64).toString('base64url')}`,
      ][sent % 3];
      // One expectation for all: one for each would take longer than what is tested.
      refused += isRefused(() => verifier.verifyNow(junk ?? '')) ? 1 : 0;
    }
    expect(refused).toBe(10_000);
    expect(verifier.counters()).toMatchObject({ cachedTokens: 0, cachedBytes: 0 });
  });

  it.each([
    { title: 'entries', bound: () => ({ maxEntries: 50 }) },
    { title: 'bytes', bound: (entryBytes: number) => ({ maxBytes: 50 * entryBytes }) },
  ])('is bounded in $title: the oldest go first', async ({ bound }) => {
    const { verifier: unbounded, issuer, clock } = await createWorld();
    await unbounded.verify(issuer.mintSync());
    const cache = bound(unbounded.counters().cachedBytes);
    const verifier = createVerifier({ issuers: issuer.policy, now: clock.now, tokenCache: cache });
    const tokens = Array.from({ length: 200 }, () => issuer.mintSync());
    for (const token of tokens) await verifier.verify(token);
    expect(verifier.counters()).toMatchObject({ cachedTokens: 50, signatureChecks: 200 });
    await verifier.verify(tokens.at(-1) ?? '');
    expect(verifier.counters().signatureChecks).toBe(200);
    await verifier.verify(tokens[0] ?? '');
    expect(verifier.counters().signatureChecks).toBe(201);
  });

  it('stays bounded when entries in its middle have died and come back', async () => {
    const { issuer, clock } = await createWorld();
    const verifier = createVerifier({
      issuers: issuer.policy,
      now: clock.now,
      tokenCache: { maxEntries: 10 },
    });
    const short = { exp: clock.now() / 1000 + 20 };
    const tokens = Array.from({ length: 10 }, (_, count) =>
      issuer.mintSync(count % 3 === 0 ? short : {}),
    );
    for (const token of tokens) await verifier.verify(token);
    clock.advance(30);
    for (const token of tokens) await verifier.verify(token).catch(() => undefined);
    expect(verifier.counters().cachedTokens).toBe(6);
    for (let count = 0; count < 50; count += 1) await verifier.verify(issuer.mintSync());
    expect(verifier.counters().cachedTokens).toBe(10);
    const { cachedBytes } = verifier.counters();
    clock.advance(301);
    await verifier.verify(issuer.mintSync());
    expect(verifier.counters().cachedTokens).toBe(1);
    expect(verifier.counters().cachedBytes).toBeLessThan(cachedBytes / 5);
  });

  it('forgets dead entries when new ones come', async () => {
    const { verifier, issuer, clock } = await createWorld();
    for (let count = 0; count < 20; count += 1) await verifier.verify(issuer.mintSync());
    clock.advance(301);
    await verifier.verify(issuer.mintSync());
    expect(verifier.counters().cachedTokens).toBe(1);
  });

  it('is also set under the former name of its option, but not under both', async () => {
    const { issuer, clock } = await createWorld();
    const verifier = createVerifier({ issuers: issuer.policy, now: clock.now, cache: false });
    await verifier.verify(await issuer.mint());
    expect(verifier.counters().cachedTokens).toBe(0);
    const both = { issuers: issuer.policy, cache: false, tokenCache: false } as const;
    expect(() => createVerifier(both)).toThrow(/tokenCache/);
  });

  it('can be turned off: every use is then a verification', async () => {
    const { verifier, issuer } = await createWorld({ tokenCache: false });
    const token = await issuer.mint();
    await verifier.verify(token);
    await verifier.verify(token);
    expect(verifier.counters()).toMatchObject({ signatureChecks: 2, cachedTokens: 0 });
  });
});

describe('F5 revocation', () => {
  it('is asked about on every request, the cached ones too', async () => {
    const revoked = new Set<string>();
    const { verifier, issuer } = await createWorld({
      isRevoked: ({ sessionId }) => revoked.has(sessionId ?? ''),
    });
    const token = await issuer.mint({ sid: 'session-1' });
    await verifier.verify(token);
    await verifier.verify(token);
    revoked.add('session-1');
    expect(await codeOf(verifier.verify(token))).toBe('TOKEN_REVOKED');
    revoked.delete('session-1');
    await verifier.verify(token);
    expect(verifier.counters().signatureChecks).toBe(1);
  });

  it.each([
    { title: 'whose keys have to be fetched first', warm: false },
    { title: 'of a key that has to be fetched first', warm: true },
  ])('is asked about for each of several first uses of a token $title', async ({ warm }) => {
    const { verifier, issuer } = await createWorld({ isRevoked: () => true });
    if (warm) {
      await verifier.ready();
      await issuer.rotate();
    }
    const token = await issuer.mint();
    const codes = await Promise.all(
      Array.from({ length: 3 }, () => codeOf(verifier.verify(token))),
    );
    expect(codes).toEqual(['TOKEN_REVOKED', 'TOKEN_REVOKED', 'TOKEN_REVOKED']);
    expect(verifier.counters().signatureChecks).toBe(1);
  });

  it.each([
    {
      title: 'throws',
      hook: () => {
        throw new Error('secret detail');
      },
      code: 'STORE_UNAVAILABLE',
    },
    {
      title: 'rejects',
      hook: () => Promise.reject(new Error('secret detail')),
      code: 'STORE_UNAVAILABLE',
    },
    {
      title: 'rejects with nothing',
      hook: () => Promise.reject(undefined),
      code: 'STORE_UNAVAILABLE',
    },
    {
      title: 'answers undefined',
      hook: () => undefined as unknown as boolean,
      code: 'TOKEN_REVOKED',
    },
    {
      title: 'resolves to a text',
      hook: async () => 'no' as unknown as boolean,
      code: 'TOKEN_REVOKED',
    },
    { title: 'resolves to true', hook: async () => true, code: 'TOKEN_REVOKED' },
    { title: 'resolves to false', hook: async () => false, code: 'accepted' },
  ])('a hook that $title: $code', async ({ hook, code }) => {
    const events = createEventLog();
    const { verifier, issuer } = await createWorld({ isRevoked: hook, events });
    const token = await issuer.mint();
    expect(await codeOf(verifier.verify(token))).toBe(code);
    expect(await codeOf(verifier.verify(token))).toBe(code);
    expect(events.of('hook.failed')).toHaveLength(code === 'STORE_UNAVAILABLE' ? 2 : 0);
    expect(events.text()).not.toContain('secret detail');
  });
});

describe('F6 first uses of one token at the same time', () => {
  it('share one key fetch and one signature check', async () => {
    const { verifier, issuer } = await createWorld();
    const token = await issuer.mint();
    const principals = await Promise.all(Array.from({ length: 64 }, () => verifier.verify(token)));
    expect(principals).toHaveLength(64);
    expect(verifier.counters()).toMatchObject({ signatureChecks: 1, keyFetches: 1 });
    expect(issuer.fetchCounts.jwks).toBe(1);
  });

  it('after that a verification is answered at once, without a promise', async () => {
    const { verifier, issuer } = await createWorld();
    const token = await issuer.mint();
    await verifier.verify(token);
    expect(verifier.verifyNow(token)).toMatchObject({ subject: 'user-1' });
  });
});

describe('F7 no identity bleeds into another request', () => {
  it('when 1000 requests of two users interleave, with delays in every hook', async () => {
    const wait = () => delay(Math.random() * 4);
    const { verifier, issuer } = await createWorld({
      isRevoked: async () => {
        await wait();
        return false;
      },
    });
    const app = express();
    const guard = requireAuth(verifier, {
      loadPrincipal: {
        load: async ({ subject }) => {
          await wait();
          return { roles: [`role-of-${subject}`] };
        },
        ttlSeconds: 1,
      },
    });
    app.get('/me', guard, requireScopes('read'), async (req, res) => {
      await wait();
      const { subject, user } = principalOf(req);
      res.json({ subject, roles: user.roles });
    });
    const { origin } = await serve(app);
    const users = ['alice', 'bob'];
    const tokens = await Promise.all(
      users.map((sub) => issuer.mint({ sub, scope: 'read', jti: randomUUID() })),
    );
    const pending = Array.from({ length: 1000 }, (_, request) => request % 2);
    const answers: { readonly of: string | undefined; readonly answer: unknown }[] = [];

    // Over connections that go on, so that each carries requests of both.
    async function askForBoth(): Promise<void> {
      for (let user = pending.pop(); user !== undefined; user = pending.pop()) {
        const headers = { Authorization: `Bearer ${tokens[user]}` };
        const response = await fetch(`${origin}/me`, { headers });
        answers.push({ of: users[user], answer: await response.json() });
      }
    }
    await Promise.all(Array.from({ length: 100 }, askForBoth));
    expect(answers).toHaveLength(1000);
    const strayed = answers.filter(
      ({ of, answer }) => !isDeepStrictEqual(answer, { subject: of, roles: [`role-of-${of}`] }),
    );
    expect(strayed).toEqual([]);
  }, 120_000);
});

function isRefused(verify: () => unknown): boolean {
  try {
    verify();
    return false;
  } catch (error) {
    return error instanceof AuthError;
  }
}
