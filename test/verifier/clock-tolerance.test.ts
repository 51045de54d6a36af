import { createAuth, createVerifier } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createClock } from '../world/clock.js';

/** What becomes of a token with these claims, in seconds from now, as often as it is sent. */
async function verdictOn(
  offsets: { readonly exp?: number; readonly nbf?: number; readonly iat?: number },
  options: { readonly verifier?: number; readonly policy?: number } = {},
): Promise<string> {
  const clock = createClock();
  const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt', now: clock.now });
  const verifier = createVerifier({
    issuers: {
      ...issuer.policy,
      ...(options.policy !== undefined && { clockToleranceSeconds: options.policy }),
    },
    now: clock.now,
    ...(options.verifier !== undefined && { clockToleranceSeconds: options.verifier }),
  });
  const nowSeconds = clock.now() / 1000;
  const claims = Object.entries({ exp: 300, ...offsets }).map(([name, at]) => [
    name,
    nowSeconds + at,
  ]);
  const token = await issuer.mint(Object.fromEntries(claims) as Record<string, number>);
  const verify = () =>
    verifier.verify(token).then(
      () => 'accepted',
      ({ code }: { code: string }) => code,
    );
  const first = await verify();
  expect(await verify()).toBe(first);
  return first;
}

describe('the clock of an issuer may differ', () => {
  it.each([
    { title: '`iat` 60 s ahead', offsets: { iat: 60 }, verdict: 'accepted' },
    { title: '`iat` 61 s ahead', offsets: { iat: 61 }, verdict: 'INVALID_TOKEN' },
    { title: '`nbf` 5 s ahead', offsets: { nbf: 5 }, verdict: 'accepted' },
    { title: '`nbf` 6 s ahead', offsets: { nbf: 6 }, verdict: 'INVALID_TOKEN' },
    { title: '`exp` 4 s ago', offsets: { exp: -4 }, verdict: 'accepted' },
    { title: '`exp` 5 s ago', offsets: { exp: -5 }, verdict: 'TOKEN_EXPIRED' },
  ])('$title: $verdict', async ({ offsets, verdict }) => {
    expect(await verdictOn(offsets)).toBe(verdict);
  });

  it.each([
    { title: 'of the verifier', options: { verifier: 120 } },
    { title: 'of the policy', options: { policy: 120 } },
    { title: 'of the policy, whatever the verifier says', options: { verifier: 0, policy: 120 } },
  ])('by the tolerance $title', async ({ options }) => {
    expect(await verdictOn({ nbf: 120 }, options)).toBe('accepted');
    expect(await verdictOn({ nbf: 121 }, options)).toBe('INVALID_TOKEN');
    expect(await verdictOn({ iat: 120 }, options)).toBe('accepted');
    expect(await verdictOn({ iat: 121 }, options)).toBe('INVALID_TOKEN');
    expect(await verdictOn({ exp: -119 }, options)).toBe('accepted');
    expect(await verdictOn({ exp: -120 }, options)).toBe('TOKEN_EXPIRED');
  });

  it.each([-1, 301, Number.NaN])('by no more than 300 s: %s is a TypeError', (seconds) => {
    const secret = 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0E';
    const issuers = { issuer: 'x', audience: 'y', keys: { secret } };
    expect(() => createVerifier({ issuers, clockToleranceSeconds: seconds })).toThrow(TypeError);
  });
});

it('AUTH_CLOCK_TOLERANCE counts for every issuer of createAuth()', async () => {
  const clock = createClock();
  const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt', now: clock.now });
  const token = await issuer.mint({ exp: clock.now() / 1000 - 30 });
  const headers = { authorization: `Bearer ${token}` };
  for (const resolve of [false, true]) {
    const auth = createAuth({
      env: { AUTH_CLOCK_TOLERANCE: '1m' },
      now: clock.now,
      ...(resolve ? { resolveIssuer: () => issuer.policy } : { trustedIssuers: [issuer.policy] }),
    });
    await expect(auth.authenticate({ headers })).resolves.toMatchObject({ issuer: issuer.issuer });
  }
});
