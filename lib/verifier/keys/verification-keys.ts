import { createPublicKey, createSecretKey, KeyObject } from 'node:crypto';
import type { PublicKey, Secret, SignatureAlgorithm } from '../trusted-issuers/options.js';
import { secretBytes } from '../../secrets/secret-bytes.js';
import { publicSecretFlaw, secretFlaw } from '../../secrets/strength.js';
import {
  canonicalAlgorithm,
  createVerificationKey,
  fitsAlgorithm,
  hashBytes,
  publicKeyFlaw,
  type VerificationKey,
} from './signatures.js';
import { isRecord } from '../../is-record.js';
import { warnOnce } from '../../known-options.js';
import type { JsonWebKey } from './json-web-key.js';

/** A member of a JWK Set that cannot be used, and why, in one word. */
export interface SkippedKey {
  readonly kid: string | undefined;
  readonly reason: string;
}

/**
 * Judges one member of a JWK Set (RFC 7517 §4). A key with `alg` serves that algorithm; one without serves each
 * of the policy's that fits its kind, and is returned once for each.
 */
export function readJwk(
  jwk: unknown,
  algorithms: readonly SignatureAlgorithm[],
): readonly VerificationKey[] | SkippedKey {
  if (!isRecord(jwk)) return { kid: undefined, reason: 'malformed' };
  const kid = typeof jwk['kid'] === 'string' && jwk['kid'] !== '' ? jwk['kid'] : undefined;
  if (!isForSignatures(jwk)) return { kid, reason: 'use' };
  if (jwk['kty'] === 'oct' || jwk['d'] !== undefined) return { kid, reason: 'private' };
  const key = importJwk(jwk);
  if (!key) return { kid, reason: 'malformed' };
  const flaw = publicKeyFlaw(key);
  if (flaw) return { kid, reason: flaw };
  const served = algorithmsFor(key, algorithms, jwk['alg']);
  if (served.length === 0) return { kid, reason: 'algorithm' };
  const issuer = typeof jwk['issuer'] === 'string' ? jwk['issuer'] : undefined;
  return served.map((algorithm) => createVerificationKey({ key, algorithm, kid, issuer }));
}

/** By `use` and `key_ops` (RFC 7517 §4.2, §4.3), of which both may be absent. */
function isForSignatures({ use, key_ops: operations }: Record<string, unknown>): boolean {
  if (use !== undefined && use !== 'sig') return false;
  return operations === undefined || [operations].flat().includes('verify');
}

function importJwk(jwk: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** The key's own algorithm where the policy allows it; without one, whatever of the policy's fits its kind. */
function algorithmsFor(
  key: KeyObject,
  algorithms: readonly SignatureAlgorithm[],
  own?: unknown,
): readonly SignatureAlgorithm[] {
  const named = typeof own === 'string' ? canonicalAlgorithm(own) : own;
  return [...new Set(algorithms.map(canonicalAlgorithm))].filter(
    (algorithm) => (named === undefined || named === algorithm) && fitsAlgorithm(key, algorithm),
  );
}

/** Imports a configured public key. Throws a TypeError that says what is wrong with it. */
export function readPublicKey(
  source: PublicKey,
  algorithms: readonly SignatureAlgorithm[],
): readonly VerificationKey[] {
  const jwk = jwkOf(source);
  const key = importPublicKey(source, jwk);
  const flaw = publicKeyFlaw(key);
  if (flaw === 'rsa_size')
    throw new TypeError('the public key is RSA of fewer than 2048 or more than 8192 bits');
  if (flaw) throw new TypeError('the public key is RSA with an unusable exponent');
  const served = algorithmsFor(key, algorithms, jwk?.['alg']);
  if (served.length === 0)
    throw new TypeError(
      `the public key fits none of the algorithms ${algorithms.join(', ')}; name its own in \`algorithms\``,
    );
  return served.map((algorithm) => createVerificationKey({ key, algorithm, kid: jwk?.kid }));
}

function jwkOf(source: PublicKey): JsonWebKey | undefined {
  if (typeof source === 'object' && !(source instanceof KeyObject)) return source;
  if (typeof source !== 'string' || !source.trimStart().startsWith('{')) return undefined;
  try {
    return JSON.parse(source);
  } catch {
    return undefined;
  }
}

function importPublicKey(source: PublicKey, jwk: JsonWebKey | undefined): KeyObject {
  const isPrivate =
    source instanceof KeyObject
      ? source.type !== 'public'
      : jwk?.d !== undefined || (typeof source === 'string' && source.includes('PRIVATE KEY'));
  if (isPrivate)
    throw new TypeError('a verifier needs the public key; it was given one that is not public');
  try {
    if (source instanceof KeyObject) return source;
    if (jwk) return createPublicKey({ key: jwk, format: 'jwk' });
    return createPublicKey(typeof source === 'string' ? source : '');
  } catch {
    throw new TypeError('the public key could not be read: give SPKI PEM, a certificate or a JWK');
  }
}

/**
 * Imports a shared secret. Throws a TypeError that says what is wrong and never quotes it; warns once of one that others may
 * know, which `loadConfig()` refuses in production.
 */
export function readSecret(secret: Secret, algorithm: SignatureAlgorithm): VerificationKey {
  const flaw = secretFlaw(secret, hashBytes(algorithm));
  if (flaw)
    throw new TypeError(
      `the secret ${flaw}; ${algorithm} needs ${hashBytes(algorithm)} random bytes or more, e.g. from \`openssl rand -base64 48\``,
    );
  const known = publicSecretFlaw(secret);
  if (known) warnOnce(`a secret in \`keys\` ${known}; make one with \`openssl rand -base64 48\``);
  return createVerificationKey({ key: createSecretKey(secretBytes(secret)), algorithm });
}
