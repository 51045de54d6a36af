import { AuthError, createVerifier } from 'latchkey';
import { createTestIssuer, type TestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { explainToken, type Explanation } from '../../lib/verifier/explain.js';
import { createClock } from '../world/clock.js';

const families = [
  ...['algNone', 'hmacWithPublicKey', 'otherAlgorithm', 'zeroSignature', 'foreignKey', 'keyIds'],
  ...['critical', 'types', 'encryptedShapes', 'oversized', 'encodings', 'malformedJson', 'issuers'],
  ...['audiences', 'expiries', 'times', 'claimCase', 'subjects', 'missingClaims', 'otherKinds'],
  ...['senderConstrained'],
] as readonly Exclude<keyof TestIssuer['forge'], 'headerKey'>[];

const firstReason = ({ steps }: Explanation): string =>
  steps.find(({ outcome }) => outcome === 'failed')?.reason ?? 'accepted';

const outcomesOf = ({ steps }: Explanation): Record<string, string> =>
  Object.fromEntries(steps.map(({ name, outcome }) => [name, outcome]));

describe.each(['rfc9068', 'jwt'] as const)('under the profile %s', (profile) => {
  it('a good token passes every check', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256', profile });
    const explanation = await explainToken(
      await issuer.mint(),
      { issuers: [issuer.policy] },
      { offline: false },
    );
    expect([...new Set(Object.values(outcomesOf(explanation)))]).toEqual(['passed']);
  });

  it.each(families)(
    'tokens of the family %s: the first failure is the reason of the verifier',
    async (family) => {
      const issuer = await createTestIssuer({ algorithm: 'ES256', profile });
      const options = { issuers: [{ ...issuer.policy, keys: { jwks: issuer.jwks() } }] };
      const verifier = createVerifier(options);
      const reasons = await Promise.all(
        (await issuer.forge[family]()).map(async ({ title, token }) => {
          const error: unknown = await verifier.verify(token).catch((reason: unknown) => reason);
          const explained = firstReason(await explainToken(token, options, { offline: true }));
          return {
            title,
            verifier: error instanceof AuthError ? error.reason : 'accepted',
            explained,
          };
        }),
      );
      expect(reasons.filter((each) => each.verifier !== each.explained)).toEqual([]);
      expect(reasons.every(({ explained }) => explained !== 'accepted')).toBe(true);
    },
  );
});

it('goes on after the first failure, so that everything wrong is told at once', async () => {
  const clock = createClock(1_800_000_000);
  const issuer = await createTestIssuer({ algorithm: 'ES256', now: clock.now });
  const token = await issuer.mint({ aud: 'https://other.example', exp: 1_700_000_000 });
  const options = { issuers: [issuer.policy], now: clock.now };
  const explanation = await explainToken(token, options, { offline: false });
  expect(firstReason(explanation)).toBe('audience');
  expect(outcomesOf(explanation)).toMatchObject({
    ...{ subject: 'passed', audience: 'failed', times: 'failed', signature: 'passed' },
  });
});

it('fetches keys, unless that is forbidden, and tells an outage from a bad token', async () => {
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const token = await issuer.mint();
  const explained = (offline: boolean) =>
    explainToken(token, { issuers: [issuer.policy] }, { offline });
  expect(outcomesOf(await explained(true))).toMatchObject({ key: 'skipped', signature: 'skipped' });
  expect(issuer.fetchCounts.jwks).toBe(0);
  expect(outcomesOf(await explained(false))).toMatchObject({ signature: 'passed' });
  issuer.goDown();
  expect(firstReason(await explained(false))).toBe('keys_unavailable');
});

it('never asks an issuer about a token', async () => {
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const asked: unknown[] = [];
  const introspection = {
    ...{
      endpoint: 'https://issuer.test/introspect',
      clientId: 'api',
      clientSecret: 'x'.repeat(32),
    },
    fetch: async (input: unknown) => {
      asked.push(input);
      return new Response('{"active":true}');
    },
  };
  const { issuer: name, audience } = issuer;
  const options = { issuers: [{ issuer: name, audience, keys: { introspection } }] };
  for (const token of [await issuer.mint(), 'an-opaque-token-of-the-issuer'])
    expect(await explainToken(token, options, { offline: false })).toMatchObject({ isAsked: true });
  expect(asked).toEqual([]);
  const own = { offline: false, isOwnSecret: () => true };
  const secret = await explainToken('an-opaque-token-of-the-issuer', options, own);
  expect(firstReason(secret)).toBe('own_secret');
});
