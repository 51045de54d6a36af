import { type BoundedMap, createBoundedMap } from '../../bounded-map.js';
import { jwkThumbprint } from '../../verifier/keys/jwk-thumbprint.js';
import type { VerificationKey } from '../../verifier/keys/signatures.js';
import { readJwk } from '../../verifier/keys/verification-keys.js';
import type { AsymmetricAlgorithm } from '../../verifier/trusted-issuers/options.js';

/** Algorithms that proofs may be signed by: those of the verifier that have a public key. */
export const proofAlgorithms: readonly AsymmetricAlgorithm[] = Object.freeze([
  ...(['ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA'] as const),
  ...(['PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'] as const),
]);

export function isProofAlgorithm(alg: unknown): alg is AsymmetricAlgorithm {
  return proofAlgorithms.some((algorithm) => algorithm === alg);
}

/** Keys that are kept imported. Each takes 1 to 3 kB. */
const MOST_KEYS = 5000;

/** Members of a JWK that only the holder of the key may know (RFC 7518 §6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const;
const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const;

/** The key of a proof's header, by name. Not imported yet. */
export interface NamedKey {
  readonly jwk: Readonly<Record<string, unknown>>;
  /** RFC 7638, SHA-256. */
  readonly thumbprint: string;
}

/** Names a public key; undefined for one that is private, symmetric, or has members that are no base64url. */
export function nameKey(jwk: Readonly<Record<string, unknown>>): NamedKey | undefined {
  if (PRIVATE_MEMBERS.some((name) => jwk[name] !== undefined)) return undefined;
  const members = PUBLIC_MEMBERS.map((name) => [name, jwk[name]] as const);
  const isText = members.every(
    ([, value]) => value === undefined || (typeof value === 'string' && /^[\w-]+$/.test(value)),
  );
  if (!isText) return undefined;
  return { jwk, thumbprint: jwkThumbprint(Object.fromEntries(members)) };
}

export interface ProofKeys {
  /** The key, ready to check signatures of this algorithm; undefined for one that cannot be used for them. */
  find(key: NamedKey, algorithm: AsymmetricAlgorithm): VerificationKey | undefined;
  /** How many keys have been imported so far. */
  readonly imports: () => number;
}

/** Imports each key once, and keeps the latest ones: a client proves with the same key for long. */
export function createProofKeys(): ProofKeys {
  const known: BoundedMap<string, VerificationKey> = createBoundedMap(MOST_KEYS);
  let imports = 0;
  return Object.freeze({
    find({ jwk, thumbprint }: NamedKey, algorithm: AsymmetricAlgorithm) {
      const name = `${algorithm} ${thumbprint}`;
      const kept = known.get(name);
      if (kept) return kept;
      imports += 1;
      const read = readJwk(jwk, [algorithm]);
      const [key] = 'reason' in read ? [] : read;
      if (key) known.set(name, key);
      return key;
    },
    imports: () => imports,
  });
}
