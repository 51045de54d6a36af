import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { findSigner } from '../../lib/verifier/keys/find-signer.js';
import { createVerificationKey } from '../../lib/verifier/keys/signatures.js';

const entra = 'https://login.microsoftonline.com/{tenantid}/v2.0';

/** Why a token whose signature is of no key is refused, and how many signatures were checked for it. */
function verdictOn(claims: Record<string, unknown>, issuers: readonly (string | undefined)[]) {
  const keys = issuers.map((issuer) =>
    createVerificationKey({
      ...{ key: createSecretKey(randomBytes(32)), algorithm: 'HS256', issuer },
    }),
  );
  const counter = { signatureChecks: 0 };
  const reason = findSigner(keys, { token: 'a.b.c', claims }, counter);
  return { reason, checks: counter.signatureChecks };
}

describe('a key', () => {
  it.each([
    { of: undefined, iss: 'https://issuer.test', tid: undefined },
    { of: 'https://issuer.test', iss: 'https://issuer.test', tid: undefined },
    { of: entra, iss: 'https://login.microsoftonline.com/one/v2.0', tid: 'one' },
    { of: entra, iss: 'https://sts.windows.net/one/', tid: 'one' },
  ])('of the issuer $of may have signed a token of $iss', ({ of, ...claims }) => {
    expect(verdictOn(claims, [of])).toEqual({ reason: 'signature', checks: 1 });
    expect(verdictOn(claims, ['https://x', of, of])).toEqual({ reason: 'signature', checks: 2 });
  });

  it.each([
    { of: 'https://issuer.test', iss: 'https://other.test', tid: undefined },
    { of: 'https://issuer.test', iss: ['https://issuer.test'], tid: undefined },
    { of: 'https://issuer.test', iss: undefined, tid: undefined },
    { of: 'https://issuer.test', iss: 'https://sts.windows.net/one/', tid: 'one' },
    { of: entra, iss: 'https://login.microsoftonline.com/two/v2.0', tid: 'one' },
    { of: entra, iss: 'https://login.microsoftonline.us/one/v2.0', tid: 'one' },
    { of: entra, iss: 'https://login.microsoftonline.com/5/v2.0', tid: 5 },
    { of: entra, iss: 'https://sts.windows.net/two/', tid: 'one' },
    { of: entra, iss: 'https://evil.test', tid: 'one' },
    { of: entra, iss: entra, tid: 'one' },
  ])('of the issuer $of cannot have signed a token of $iss', ({ of, ...claims }) => {
    expect(verdictOn(claims, [of])).toEqual({ reason: 'key_issuer', checks: 0 });
  });

  it('has to be there', () => {
    expect(verdictOn({}, [])).toEqual({ reason: 'unknown_key', checks: 0 });
  });
});
