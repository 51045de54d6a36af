import express from 'express';
import { createVerifier, errorHandler, principalOf, requireAuth } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { hasTokenShape, shapeFlawOf } from '../../lib/verifier/tokens/shape.js';
import * as keycloak from '../claims/fixtures/keycloak.js';
import { policies } from '../claims/policies.js';
import { NOW } from '../claims/principal-facts.js';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { serve } from '../world/serve.js';
import { createTokenSigner } from '../world/token-signer.js';

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

async function reasonOf(verdict: Promise<unknown>): Promise<string> {
  return verdict.then(
    () => 'accepted',
    ({ reason }: { reason: string }) => reason,
  );
}

describe('the length of a token', () => {
  /** A valid token of exactly that many characters. */
  async function tokenOfLength(length: number) {
    const issuer = await createTestIssuer({ algorithm: 'ES256', now: () => NOW * 1000 });
    for (let padding = Math.floor((length * 3) / 4) - 600; ; padding += 1) {
      const token = issuer.mintSync({ jti: 'a', padding: 'x'.repeat(Math.max(0, padding)) });
      if (token.length === length) return { issuer, token };
      if (token.length > length) throw new Error('no such token');
    }
  }

  it.each([
    { title: 'the default', maxTokenLength: undefined, length: 16_384 },
    { title: 'a smaller bound', maxTokenLength: 1_000, length: 1_000 },
    { title: 'a larger bound', maxTokenLength: 40_000, length: 40_000 },
  ])('may be the maximum and no more: $title', async ({ maxTokenLength, length }) => {
    const verdictOn = async (characters: number) => {
      const { issuer, token } = await tokenOfLength(characters);
      const verifier = createVerifier({
        issuers: issuer.policy,
        now: () => NOW * 1000,
        ...(maxTokenLength && { maxTokenLength }),
      });
      return reasonOf(verifier.verify(token));
    };
    // No segment is 1 character longer than a multiple of 4, so not every length exists.
    const longer = await verdictOn(length + 1).catch(() => verdictOn(length + 2));
    expect([await verdictOn(length), longer]).toEqual(['accepted', 'malformed']);
  });

  it.each([256, 1_048_576])('may be set to %s', async (maxTokenLength) => {
    const { policy } = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: policy, maxTokenLength });
    const longest = 'x'.repeat(maxTokenLength);
    expect(await reasonOf(verifier.verify(longest))).toBe('opaque');
    expect(await reasonOf(verifier.verify(`${longest}x`))).toBe('malformed');
  });

  it.each([0, 255, 1_048_577, -1, 1000.5, Number.NaN, Number.POSITIVE_INFINITY, '8192'])(
    'is a number within its range, or a TypeError at start-up: %s',
    async (maxTokenLength) => {
      const { policy } = await createTestIssuer({ algorithm: 'ES256' });
      const options = { issuers: policy, maxTokenLength: maxTokenLength as number };
      expect(() => createVerifier(options)).toThrow(/maxTokenLength/);
    },
  );
});

it('the shape of a token includes its length, for ID tokens as well', () => {
  const ofLength = (length: number) => `AAAA.${'A'.repeat(length - 10)}.AAAA`;
  expect([hasTokenShape(ofLength(16_382)), hasTokenShape(ofLength(16_386))]).toEqual([true, false]);
  expect([hasTokenShape(ofLength(30), 30), hasTokenShape(ofLength(30), 29)]).toEqual([true, false]);
  expect([shapeFlawOf('x'.repeat(30), 30), shapeFlawOf('x'.repeat(30), 29)]).toEqual([
    'opaque',
    'malformed',
  ]);
});

it("a Keycloak token of 10.5 kB, with a user's many roles, passes over HTTP", async () => {
  const signer = await createTokenSigner('signing-key');
  const verifier = createVerifier({
    issuers: { ...policies.keycloak, keys: { jwks: { keys: [signer.jwk] } } },
    now: createClock(NOW).now,
  });
  const { header, claims } = keycloak.accessToken(NOW);
  const roles = Array.from({ length: 230 }, (_, count) => `department-${count}-reader-and-writer`);
  const token = await signer.sign({ header, claims: { ...claims, realm_access: { roles } } });
  expect(token.length).toBeGreaterThan(10_500);
  const app = express();
  app.get(
    '/roles',
    requireAuth(verifier),
    (req, res) => void res.json(principalOf(req).user.roles),
  );
  const { origin } = await serve(app);
  const response = await fetch(`${origin}/roles`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(roles);
});

describe('what is no token that we read', () => {
  const jwe = `${Buffer.from('{"alg":"RSA-OAEP","enc":"A256GCM"}').toString('base64url')}.a2V5.aXY.dGV4dA.dGFn`;
  const ES256 = Buffer.from('{"alg":"ES256"}').toString('base64url');

  it.each([
    { title: 'an encrypted token', token: jwe, reason: 'encrypted' },
    {
      title: 'an encrypted token under a shared key',
      token: 'eyJhbGciOiJkaXIifQ..aXY.dGV4dA.dGFn',
      reason: 'encrypted',
    },
    { title: 'an opaque token', token: '7Fjfp0ZBr1KtDRbnfVdmIw', reason: 'opaque' },
    { title: 'an opaque token with a dot', token: 'v1.MjAyNg', reason: 'opaque' },
    { title: 'an opaque token with four parts', token: 'ory.at.x.y', reason: 'opaque' },
    {
      title: 'an opaque token of another alphabet',
      token: '2YotnFZFEjr1z/C+sicMWpAA==',
      reason: 'opaque',
    },
    { title: 'an empty segment', token: 'a..c', reason: 'malformed' },
    { title: 'padding', token: 'e30=.e30=.c2ln', reason: 'malformed' },
    { title: 'white space', token: 'two words', reason: 'malformed' },
    { title: 'an odd character', token: '7Fjfp0ZBr1K\u00e9', reason: 'malformed' },
    { title: 'six segments', token: `${jwe}.eA`, reason: 'opaque' },
    { title: 'five segments with an empty one', token: 'a.b..d.e', reason: 'opaque' },
    { title: 'half a surrogate pair', token: 'abc\ud800', reason: 'malformed' },
    { title: 'null as its header', token: 'bnVsbA.e30.AAAA', reason: 'malformed' },
    { title: 'a number as its header', token: 'NQ.e30.AAAA', reason: 'malformed' },
    { title: 'a list as its header', token: 'W10.e30.AAAA', reason: 'malformed' },
    { title: 'null as its claims', token: `${ES256}.bnVsbA.AAAA`, reason: 'malformed' },
    { title: 'a number as its claims', token: `${ES256}.NQ.AAAA`, reason: 'malformed' },
    { title: 'a list as its claims', token: `${ES256}.W10.AAAA`, reason: 'malformed' },
    { title: 'an empty first segment of three', token: '.b.c', reason: 'malformed' },
    {
      title: 'an opaque token of the greatest length',
      token: 'x'.repeat(16_384),
      reason: 'opaque',
    },
    { title: 'a longer opaque token', token: 'x'.repeat(16_385), reason: 'malformed' },
    {
      title: 'a longer encrypted token',
      token: `${jwe}${'x'.repeat(16_384)}`,
      reason: 'malformed',
    },
    { title: 'an odd character before an encrypted token', token: `!${jwe}`, reason: 'malformed' },
    { title: 'an odd character behind an encrypted token', token: `${jwe}!`, reason: 'malformed' },
  ])('is refused as $reason: $title', async ({ token, reason }) => {
    const events = createEventLog();
    const { policy } = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: policy, events });
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'INVALID_TOKEN', reason });
  });

  it.each([undefined, null, 7, {}, ['a.b.c'], Buffer.from('a.b.c')])(
    'is refused as malformed when it is no text at all: %o',
    async (token) => {
      const { policy } = await createTestIssuer({ algorithm: 'ES256' });
      const verifier = createVerifier({ issuers: policy });
      for (const connection of [undefined, {}]) {
        const verdict = async () => verifier.verifyNow(token as string, connection);
        expect(await reasonOf(verdict())).toBe('malformed');
      }
    },
  );

  it.each(['    ', '====', '\n\n\n\n', '....', '%00%', '++//'])(
    'is a good token with %j put in at either end or in the middle of a segment',
    async (odd) => {
      const issuer = await createTestIssuer({ algorithm: 'HS256' });
      const verifier = createVerifier({ issuers: issuer.policy });
      const [header = '', payload = '', signature = ''] = (await issuer.mint()).split('.');
      for (const [at, segment] of [header, payload, signature].entries())
        for (const altered of [
          odd + segment,
          segment + odd,
          segment.slice(0, 4) + odd + segment.slice(4),
        ]) {
          const token = [header, payload, signature].with(at, altered).join('.');
          expect(await reasonOf(verifier.verify(token))).not.toBe('accepted');
        }
    },
  );

  it('says so in the event and not in the answer', async () => {
    const events = createEventLog();
    const { policy } = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: policy, events });
    const app = express();
    app.get('/', requireAuth(verifier), (_req, res) => void res.json({}));
    app.use(errorHandler());
    const { origin } = await serve(app);
    const answerTo = async (token: string) => {
      const response = await fetch(origin, { headers: { Authorization: `Bearer ${token}` } });
      return { status: response.status, body: await response.json() };
    };
    const [encrypted, opaque, malformed] = [
      await answerTo(jwe),
      await answerTo('7Fjfp0ZBr1KtDRbnfVdmIw'),
      await answerTo('a..c'),
    ];
    expect(encrypted).toMatchObject({ status: 401, body: { code: 'INVALID_TOKEN' } });
    expect([opaque, malformed]).toEqual([encrypted, encrypted]);
    expect(events.of('token.refused')).toMatchObject([
      { reason: 'encrypted' },
      { reason: 'opaque' },
      { reason: 'malformed' },
    ]);
  });
});

describe('the last character of a segment', () => {
  it.each(['HS256', 'ES256', 'RS256', 'EdDSA'] as const)(
    'has one spelling: no other than the right one ends an %s signature',
    async (algorithm) => {
      const issuer = await createTestIssuer({ algorithm });
      const verifier = createVerifier({ issuers: issuer.policy });
      const token = await issuer.mint();
      const start = token.lastIndexOf('.') + 1;
      const bytesOf = (text: string) => Buffer.from(text.slice(start), 'base64url');
      const respelled = BASE64URL.split('')
        .map((character) => token.slice(0, -1) + character)
        .filter((other) => other !== token);
      const same = respelled.filter((other) => bytesOf(other).equals(bytesOf(token)));
      expect(same.length).toBe({ HS256: 3, ES256: 15, RS256: 15, EdDSA: 15 }[algorithm]);
      for (const other of respelled)
        expect(await reasonOf(verifier.verify(other))).not.toBe('accepted');
      for (const other of same) expect(await reasonOf(verifier.verify(other))).toBe('malformed');
      // Not even when the right spelling has been verified before.
      await verifier.verify(token);
      for (const other of same) expect(await reasonOf(verifier.verify(other))).toBe('malformed');
    },
  );

  it('is not alone in its group of four, which no encoder makes', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: issuer.policy });
    const token = await issuer.mint();
    // 86 characters and three more: the last group holds one, which decoders ignore.
    for (const more of ['AAA', 'A', 'AA'])
      expect(await reasonOf(verifier.verify(token + more))).toBe(
        more.length === 3 ? 'malformed' : 'signature',
      );
  });
});

describe('the nesting of claims', () => {
  /** The object of claims is the first level, so what stands in it is the second. */
  const nest = (levels: number, wrap: (inner: unknown) => unknown, innermost: unknown): unknown =>
    Array.from({ length: levels - 1 }).reduce(wrap, innermost);

  it.each([
    { title: 'lists', wrap: (inner: unknown) => [inner] },
    { title: 'objects', wrap: (inner: unknown) => ({ inner }) },
    {
      title: 'lists in objects',
      wrap: (inner: unknown) => (Array.isArray(inner) ? { inner } : [inner]),
    },
  ])('may be 32 levels deep and no more, whatever stands innermost: $title', async ({ wrap }) => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: issuer.policy });
    for (const innermost of [1, 'text', true, null]) {
      const verdictOn = async (levels: number) =>
        reasonOf(verifier.verify(await issuer.mint({ nested: nest(levels, wrap, innermost) })));
      expect([await verdictOn(32), await verdictOn(33)]).toEqual(['accepted', 'malformed']);
    }
  });
});

describe('the claims of a token', () => {
  it.each([
    { title: 'quotes, colons and a backslash at the end', note: String.raw`"a": "b:c" \ ":\"` },
    { title: 'nothing', note: null },
    { title: 'lists in lists', note: [[['a:b'], { c: [null] }], []] },
  ])('are read as they were written when one holds $title', async ({ note }) => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: issuer.policy });
    expect((await verifier.verify(await issuer.mint({ note }))).claims['note']).toEqual(note);
  });

  it.each(['constructor', 'prototype', '__proto__'])(
    'lose a member called %s, at any depth',
    async (name) => {
      const issuer = await createTestIssuer({ algorithm: 'ES256' });
      const verifier = createVerifier({ issuers: issuer.policy });
      const planted: unknown = JSON.parse(`{"kept":1,"${name}":{"admin":true}}`);
      const { claims } = await verifier.verify(await issuer.mint({ planted, list: [planted] }));
      expect(claims['planted']).toStrictEqual({ kept: 1 });
      expect(claims['list']).toStrictEqual([{ kept: 1 }]);
    },
  );

  it('give no time of authentication that is not a number', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: issuer.policy });
    const { authTime } = await verifier.verify(await issuer.mint({ auth_time: 'noon' }));
    expect(authTime).toBeUndefined();
  });
});
