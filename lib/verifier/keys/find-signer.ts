import type { InvalidReason } from '../tokens/rules.js';
import { areNamesOfTenant, placeTenant, spellTenants } from '../trusted-issuers/entra-clouds.js';
import type { VerificationKey } from './signatures.js';

type Claims = Readonly<Record<string, unknown>>;

/** Finds the key whose signature the token has; otherwise the reason why there is none. Counts what it checks. */
export function findSigner(
  keys: readonly VerificationKey[],
  { token, claims }: { readonly token: string; readonly claims: Claims },
  counter: { signatureChecks: number },
): VerificationKey | InvalidReason {
  if (keys.length === 0) return 'unknown_key';
  const payloadEnd = token.lastIndexOf('.');
  const signingInput = token.slice(0, payloadEnd);
  const signature = Buffer.from(token.slice(payloadEnd + 1), 'base64url');
  const speaking = keys.filter((key) => speaksFor(key.issuer, claims));
  if (speaking.length === 0) return 'key_issuer';
  const signer = speaking.find((key) => {
    counter.signatureChecks += 1;
    return key.verifies(signingInput, signature);
  });
  return signer ?? 'signature';
}

/**
 * Returns whether a key may speak for the token's issuer. Entra says of each key which issuer it is for, with
 * `{tenantid}` in the place of the token's tenant, and names the issuer of version 2 also for keys that sign
 * tokens of version 1.
 */
function speaksFor(keyIssuer: string | undefined, { iss, tid }: Claims): boolean {
  if (keyIssuer === undefined) return true;
  const tenant = typeof tid === 'string' ? spellTenants(tid) : '';
  const spokenFor = placeTenant(keyIssuer, tenant);
  if (iss === spokenFor) return true;
  return typeof iss === 'string' && areNamesOfTenant(tenant, [spokenFor, iss]);
}
