import { isRecord } from '../is-record.js';
import { createLocalKeySet, type KeySet } from '../verifier/keys/key-sets.js';
import { readJwk } from '../verifier/keys/verification-keys.js';
import type { AsymmetricAlgorithm } from '../verifier/trusted-issuers/options.js';
import type { JsonWebKey } from '../verifier/keys/json-web-key.js';

/** Public keys (RFC 7517 §5) by which a client proves itself. */
export interface ClientKeySet {
  readonly keys: readonly JsonWebKey[];
}

/** What a client may sign its assertions with. */
const ALGORITHMS: readonly AsymmetricAlgorithm[] = [
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'PS256', 'PS384', 'PS512'] as const),
  ...(['RS256', 'RS384', 'RS512'] as const),
];

const MOST_KEYS = 10;

/** What is kept of a key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). */
const publicMembers = ['kty', 'use', 'key_ops', 'alg', 'kid', 'n', 'e', 'crv', 'x', 'y'] as const;
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const;

const MAX_KEY_ID_LENGTH = 256;

const keyFlaws: Readonly<Record<string, string>> = {
  private: 'has a key that is not public; it belongs to the client alone',
  rsa_size: 'has an RSA key of fewer than 2048 or more than 8192 bits',
  rsa_exponent: 'has an RSA key with an unusable exponent',
  algorithm: 'has a key for an algorithm that is not accepted',
  use: 'has a key that is not for signatures',
};

/**
 * Reads the key set that a client is registered with. Returns what is kept of it, or what is wrong with it, in fixed words: unlike a
 * provider's set, one with an unusable key is refused.
 */
export function readClientKeys(value: unknown): ClientKeySet | string {
  const members = isRecord(value) ? value['keys'] : undefined;
  if (!Array.isArray(members) || members.length === 0 || members.length > MOST_KEYS)
    return `is a JWK Set with 1 to ${MOST_KEYS} keys`;
  const keys: JsonWebKey[] = [];
  for (const member of members) {
    const key = isRecord(member) ? keptMembers(member) : undefined;
    const flaw = key && !hasPrivateMember(member) ? flawOf(key) : 'private';
    if (!key || flaw !== undefined) return keyFlaws[flaw ?? ''] ?? 'has a key that cannot be read';
    keys.push(key);
  }
  return { keys };
}

function hasPrivateMember(jwk: object): boolean {
  return privateMembers.some((name) => name in jwk);
}

function keptMembers(jwk: Readonly<Record<string, unknown>>): JsonWebKey {
  return Object.fromEntries(
    publicMembers.flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]])),
  );
}

function flawOf(jwk: JsonWebKey): string | undefined {
  const { kid } = jwk;
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KEY_ID_LENGTH))
    return 'malformed';
  const read = readJwk(jwk, ALGORITHMS);
  return 'reason' in read ? read.reason : undefined;
}

/** The keys of a set that was read before. */
export function clientKeySet({ keys }: ClientKeySet): KeySet {
  return createLocalKeySet(
    keys.flatMap((jwk) => {
      const read = readJwk(jwk, ALGORITHMS);
      return 'reason' in read ? [] : read;
    }),
  );
}
