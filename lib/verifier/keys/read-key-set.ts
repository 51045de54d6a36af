import type { EventSink } from '../../events.js';
import type { SignatureAlgorithm } from '../trusted-issuers/options.js';
import { isRecord } from '../../is-record.js';
import { printable } from './printable.js';
import type { VerificationKey } from './signatures.js';
import { readJwk } from './verification-keys.js';

/** Usable keys by what identifies them in the set; several for one JWK that serves several algorithms. */
export type KeysByFingerprint = ReadonlyMap<string, readonly VerificationKey[]>;

export interface KeySetContext {
  readonly issuer: string;
  readonly algorithms: readonly SignatureAlgorithm[];
  readonly events: EventSink;
}

/** What is read of a JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) and Entra's `issuer`. All else is ignored. */
const jwkMembers = [
  ...['kty', 'use', 'key_ops', 'alg', 'kid', 'issuer'],
  ...['n', 'e', 'crv', 'x', 'y', 'd'],
];

/**
 * Judges the members of a JWK Set (RFC 7517 §5). One that cannot be used does not spoil the others; each is told
 * in an event `keys.skipped`. A key that was known before keeps its object, and with it the tokens verified by it.
 */
export function readKeySet(
  members: readonly unknown[],
  { issuer, algorithms, events }: KeySetContext,
  known: KeysByFingerprint = new Map(),
): KeysByFingerprint {
  const keys = new Map<string, readonly VerificationKey[]>();
  for (const member of members) {
    const jwk = isRecord(member) ? knownMembers(member) : undefined;
    const fingerprint = JSON.stringify(jwk);
    const read = known.get(fingerprint) ?? readJwk(jwk, algorithms);
    if ('reason' in read) {
      const kid = read.kid === undefined ? undefined : printable(read.kid);
      events.emit('keys.skipped', { issuer, kid, reason: read.reason });
    } else keys.set(fingerprint, read);
  }
  return keys;
}

/** Some servers write null for what they have no value for. */
function knownMembers(jwk: Record<string, unknown>): Record<string, unknown> {
  const members = jwkMembers.map((name) => [name, jwk[name] ?? undefined]);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}
