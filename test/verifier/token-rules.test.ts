import { AuthError, createVerifier, type IssuerOptions } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createClock } from '../world/clock.js';

const NOW = 1_800_000_000;
/** The last second of the year 9999. */
const LAST_DATE = 253_402_300_799;

const outcomeOf = async (verdict: Promise<unknown>): Promise<string | undefined> =>
  verdict.then(
    () => 'accepted',
    (error: unknown) => (error instanceof AuthError ? error.reason : String(error)),
  );

/** What becomes of a well-signed token of an issuer with this policy. */
async function createWorld(options: Partial<IssuerOptions> = {}) {
  const clock = createClock(NOW);
  const profile = options.profile === 'rfc9068' ? 'rfc9068' : 'jwt';
  const issuer = await createTestIssuer({ algorithm: 'ES256', profile, now: clock.now });
  const verifier = createVerifier({ issuers: { ...issuer.policy, ...options }, now: clock.now });
  const judge = async (
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
  ): Promise<string | undefined> => outcomeOf(verifier.verify(await issuer.mint(claims, header)));
  return { clock, issuer, verifier, judge };
}

describe('the header is judged before the issuer is looked for', () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

  it.each([
    { title: 'only a known algorithm', header: {}, reason: 'issuer' },
    { title: 'no algorithm', header: { alg: undefined }, reason: 'algorithm' },
    { title: 'an empty algorithm', header: { alg: '' }, reason: 'algorithm' },
    { title: 'a number as its algorithm', header: { alg: 256 }, reason: 'algorithm' },
    { title: 'an algorithm in a list', header: { alg: ['ES256'] }, reason: 'algorithm' },
    { title: 'a critical extension', header: { crit: ['exp'], exp: 1 }, reason: 'critical' },
    { title: 'an empty list of critical extensions', header: { crit: [] }, reason: 'critical' },
    { title: 'b64 true', header: { b64: true }, reason: 'critical' },
    { title: 'an encryption', header: { enc: 'A256GCM' }, reason: 'header' },
    { title: 'a compression', header: { zip: 'DEF' }, reason: 'header' },
    { title: 'a content type', header: { cty: 'JWT' }, reason: 'header' },
    { title: 'an empty key id', header: { kid: '' }, reason: 'key_id' },
    { title: 'a number as its key id', header: { kid: 7 }, reason: 'key_id' },
    { title: 'null as its key id', header: { kid: null }, reason: 'key_id' },
    { title: 'a key id of 256 characters', header: { kid: 'k'.repeat(256) }, reason: 'issuer' },
    { title: 'a key id of 257 characters', header: { kid: 'k'.repeat(257) }, reason: 'key_id' },
  ])('one with $title is refused as $reason', async ({ header, reason }) => {
    const { verifier } = await createWorld();
    const claims = { iss: 'https://unknown.test' };
    const token = `${part({ alg: 'ES256', ...header })}.${part(claims)}.AAAA`;
    expect(await outcomeOf(verifier.verify(token))).toBe(reason);
  });
});

describe('the type of a token', () => {
  it.each([
    { typ: 'application/at+jwt', outcome: 'accepted' },
    { typ: 'application/jwt', outcome: 'accepted' },
    { typ: 'at+application/jwt', outcome: 'type' },
    { typ: 'application/application/jwt', outcome: 'type' },
    { typ: 'at+jwt2', outcome: 'type' },
    { typ: '', outcome: 'type' },
    { typ: null, outcome: 'type' },
    { typ: ['at+jwt'], outcome: 'type' },
  ])('$typ under the profile jwt: $outcome', async ({ typ, outcome }) => {
    const { judge } = await createWorld();
    expect(await judge({}, { typ })).toBe(outcome);
  });
});

it('an algorithm that the policy does not list is refused', async () => {
  const { judge } = await createWorld({ algorithms: ['RS256'] });
  expect(await judge()).toBe('algorithm');
});

describe('a token with a nonce', () => {
  it.each([
    { title: 'and nothing that an access token has', claims: {}, outcome: 'token_kind' },
    { title: 'and a scope', claims: { scope: 'read' }, outcome: 'accepted' },
    { title: 'and a list of scopes', claims: { scp: ['read', 'write'] }, outcome: 'accepted' },
    { title: 'and the type of Keycloak', claims: { typ: 'Bearer' }, outcome: 'accepted' },
    { title: 'and an empty scope', claims: { scope: '' }, outcome: 'token_kind' },
    { title: 'and an empty list of scopes', claims: { scp: [] }, outcome: 'token_kind' },
    { title: 'and a scope among numbers', claims: { scp: ['read', 7] }, outcome: 'token_kind' },
    {
      title: 'and an empty scope among others',
      claims: { scp: ['read', ''] },
      outcome: 'token_kind',
    },
  ])('$title, whose header has no type: $outcome', async ({ claims, outcome }) => {
    const { judge } = await createWorld();
    expect(await judge({ nonce: 'n-1', ...claims }, { typ: undefined })).toBe(outcome);
  });

  it.each([
    { typ: 'at+jwt', outcome: 'accepted' },
    { typ: 'JWT', outcome: 'token_kind' },
  ])('under the header type $typ: $outcome', async ({ typ, outcome }) => {
    const { judge } = await createWorld();
    expect(await judge({ nonce: 'n-1' }, { typ })).toBe(outcome);
  });
});

describe('what only another kind of token says', () => {
  it.each([
    { claims: { at_hash: 'x' }, reason: 'token_kind' },
    { claims: { c_hash: 'x' }, reason: 'token_kind' },
    { claims: { s_hash: 'x' }, reason: 'token_kind' },
    { claims: { events: {} }, reason: 'token_kind' },
    { claims: { htm: 'GET' }, reason: 'token_kind' },
    { claims: { htu: 'https://api.test' }, reason: 'token_kind' },
    { claims: { response_type: 'code' }, reason: 'token_kind' },
    { claims: { redirect_uri: 'https://app.test' }, reason: 'token_kind' },
    { claims: { typ: 'Refresh' }, reason: 'token_kind' },
    { claims: { token_use: 'id' }, reason: 'token_kind' },
    { claims: { type: 'refresh' }, reason: 'token_kind' },
    { claims: { token_type: 'refresh' }, reason: 'token_kind' },
    { claims: { cnf: { jkt: 'x' } }, reason: 'sender_constrained' },
    { claims: { token_use: 'access', type: 'access', token_type: 'Bearer' }, reason: 'accepted' },
  ])('$claims: $reason', async ({ claims, reason }) => {
    const { judge } = await createWorld();
    expect(await judge(claims)).toBe(reason);
  });
});

describe('the profile rfc9068', () => {
  it.each([
    { claims: {}, outcome: 'accepted' },
    { claims: { client_id: undefined }, outcome: 'missing_claim' },
    { claims: { client_id: 7 }, outcome: 'missing_claim' },
    { claims: { jti: undefined }, outcome: 'missing_claim' },
    { claims: { jti: 7 }, outcome: 'missing_claim' },
    { claims: { iat: undefined }, outcome: 'missing_claim' },
    { claims: { aud: undefined }, outcome: 'missing_claim' },
    { claims: { sub: undefined }, outcome: 'subject' },
    { claims: { sub: '' }, outcome: 'subject' },
    { claims: { sub: 7 }, outcome: 'subject' },
  ])('with $claims instead: $outcome', async ({ claims, outcome }) => {
    const { judge } = await createWorld({ profile: 'rfc9068', audience: null });
    expect(await judge(claims)).toBe(outcome);
  });
});

describe('the times of a token', () => {
  it.each([
    { claims: { exp: LAST_DATE }, outcome: 'accepted' },
    { claims: { exp: LAST_DATE + 1 }, outcome: 'times' },
    { claims: { exp: undefined }, outcome: 'times' },
    { claims: { exp: String(NOW + 60) }, outcome: 'times' },
    { claims: { exp: 0 }, outcome: 'expired' },
    { claims: { exp: -1 }, outcome: 'times' },
    { claims: { nbf: 0, iat: 0 }, outcome: 'accepted' },
    { claims: { nbf: -1 }, outcome: 'times' },
    { claims: { nbf: null }, outcome: 'times' },
    { claims: { nbf: LAST_DATE }, outcome: 'not_yet_valid' },
    { claims: { iat: -1 }, outcome: 'times' },
    { claims: { iat: LAST_DATE + 1 }, outcome: 'times' },
    { claims: { iat: undefined }, outcome: 'accepted' },
  ])('$claims: $outcome', async ({ claims, outcome }) => {
    const { judge } = await createWorld();
    expect(await judge(claims)).toBe(outcome);
  });

  it.each([
    {
      title: 'of its age limit and the tolerance, less a second',
      iat: NOW - 124,
      outcome: 'accepted',
    },
    { title: 'of its age limit and the tolerance', iat: NOW - 125, outcome: 'too_old' },
    { title: 'that it does not tell', iat: undefined, outcome: 'missing_claim' },
  ])('an age $title: $outcome', async ({ iat, outcome }) => {
    const { judge } = await createWorld({ maxTokenAgeSeconds: 120 });
    expect(await judge({ iat })).toBe(outcome);
  });

  it.each([
    { claims: { iat: NOW - 7, auth_time: NOW - 9 }, issuedAt: NOW - 7, authTime: NOW - 9 },
    { claims: { iat: undefined }, issuedAt: undefined, authTime: undefined },
    { claims: { iat: 0, auth_time: '0' }, issuedAt: 0, authTime: undefined },
  ])('are what the principal says: $claims', async ({ claims, ...times }) => {
    const { issuer, verifier } = await createWorld();
    const principal = await verifier.verify(await issuer.mint({ ...claims, exp: NOW + 11 }));
    expect(principal).toMatchObject({ ...times, expiresAt: NOW + 11 });
  });

  it('a verdict holds from the first second of validity on, which is when it is reached', async () => {
    const { clock, issuer, verifier } = await createWorld();
    const token = await issuer.mint({ nbf: NOW + 10 });
    clock.advance(5);
    await verifier.verify(token);
    await verifier.verify(token);
    expect(verifier.counters().signatureChecks).toBe(1);
    clock.advance(-1);
    expect(await outcomeOf(verifier.verify(token))).toBe('not_yet_valid');
  });
});
