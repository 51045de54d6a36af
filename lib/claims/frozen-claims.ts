import { freezeAndMeasure, type MemoryMeter } from './memory-cost.js';
import type { SharedMemory } from './sharing.js';

/** Claims that many tokens of an issuer have in common. */
const commonClaims: ReadonlySet<string> = new Set([
  'iss',
  'aud',
  'client_id',
  'azp',
  'cid',
  'scope',
  'scp',
  'tid',
  'roles',
  'groups',
  'orgs',
  'realm_access',
]);

/** Freezes verified claims to their depths, and lets tokens share the values that many have in common. */
export type ClaimsFreezer = (
  claims: Record<string, unknown>,
  meter: MemoryMeter,
) => Readonly<Record<string, unknown>>;

/** Prepares freezing the claims of one issuer's tokens. */
export function createClaimsFreezer(memory: SharedMemory): ClaimsFreezer {
  const shareValue = memory.createTable<unknown>();
  return function freezeClaims(claims, meter) {
    for (const name of commonClaims) {
      const value = claims[name];
      if (value === undefined) continue;
      claims[name] = shareValue(JSON.stringify(value), () => {
        meter.bytes += memory.charge(freezeAndMeasure(value, memory));
        return value;
      });
    }
    meter.bytes += freezeAndMeasure(claims, memory, commonClaims);
    return claims;
  };
}
