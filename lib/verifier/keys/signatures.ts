import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import type { SignatureAlgorithm } from '../trusted-issuers/options.js';

type KeyKind = 'secret' | 'rsa' | 'P-256' | 'P-384' | 'P-521' | 'Ed25519';

interface AlgorithmRow {
  readonly key: KeyKind;
  /** Undefined where the algorithm brings its own (Ed25519). */
  readonly hash: string | undefined;
  readonly pss?: true;
}

/** JWS algorithms (RFC 7518 §3, RFC 8037 §3.1, RFC 9864 §2.2) in terms of `node:crypto`. */
const algorithmTable: Readonly<Record<SignatureAlgorithm, AlgorithmRow>> = {
  HS256: { key: 'secret', hash: 'sha256' },
  HS384: { key: 'secret', hash: 'sha384' },
  HS512: { key: 'secret', hash: 'sha512' },
  RS256: { key: 'rsa', hash: 'sha256' },
  RS384: { key: 'rsa', hash: 'sha384' },
  RS512: { key: 'rsa', hash: 'sha512' },
  PS256: { key: 'rsa', hash: 'sha256', pss: true },
  PS384: { key: 'rsa', hash: 'sha384', pss: true },
  PS512: { key: 'rsa', hash: 'sha512', pss: true },
  ES256: { key: 'P-256', hash: 'sha256' },
  ES384: { key: 'P-384', hash: 'sha384' },
  ES512: { key: 'P-521', hash: 'sha512' },
  // Two names of one algorithm: see `canonicalAlgorithm`.
  EdDSA: { key: 'Ed25519', hash: undefined },
  Ed25519: { key: 'Ed25519', hash: undefined },
};

const MIN_RSA_BITS = 2048;
// A longer modulus buys no security that matters here, and lets a key set make every check slow.
const MAX_RSA_BITS = 8192;

const curveNames: Readonly<Record<string, KeyKind>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/** One key and the one algorithm it serves (RFC 8725 §3.1). */
export interface VerificationKey {
  readonly kid: string | undefined;
  readonly algorithm: SignatureAlgorithm;
  /** Issuer this key speaks for, where the key set says so; may hold `{tenantid}`. */
  readonly issuer: string | undefined;
  /** True once the key has left its key set: nothing it signed counts any more. */
  withdrawn: boolean;
  /** Returns whether the signature is this key's. Never throws. */
  verifies(signingInput: string, signature: Buffer): boolean;
}

/**
 * The name under which an algorithm's keys are kept. RFC 9864 §2.2 calls `Ed25519` what RFC 8037 §3.1 called
 * `EdDSA`, and issuers send either, in keys and in tokens. Every other text is returned as it is.
 */
export function canonicalAlgorithm<Name extends string>(name: Name): Name | 'Ed25519' {
  return name === 'EdDSA' ? 'Ed25519' : name;
}

/** Returns whether the text names an algorithm that this package verifies. */
export function isSignatureAlgorithm(text: string): text is SignatureAlgorithm {
  return Object.hasOwn(algorithmTable, text);
}

export function isSymmetric(algorithm: SignatureAlgorithm): boolean {
  return algorithmTable[algorithm].key === 'secret';
}

/** Bytes in the algorithm's hash: the least length of an HMAC secret (RFC 7518 §3.2). */
export function hashBytes(algorithm: SignatureAlgorithm): number {
  return Number(algorithm.slice(2)) / 8;
}

/** Why a public key cannot be used whatever the algorithm, in one word; undefined when it can. */
export function publicKeyFlaw(key: KeyObject): 'rsa_size' | 'rsa_exponent' | undefined {
  if (key.asymmetricKeyType !== 'rsa') return undefined;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_RSA_BITS || modulusLength > MAX_RSA_BITS) return 'rsa_size';
  // With exponent 1 a signature is the padded hash itself, which needs no private key; an even exponent is no RSA key.
  return publicExponent < 3n || publicExponent % 2n === 0n ? 'rsa_exponent' : undefined;
}

/** Returns whether the key is of the kind that the algorithm works with. */
export function fitsAlgorithm(key: KeyObject, algorithm: SignatureAlgorithm): boolean {
  return algorithmTable[algorithm].key === kindOf(key);
}

function kindOf(key: KeyObject): KeyKind | undefined {
  if (key.type === 'secret') return 'secret';
  if (key.asymmetricKeyType === 'rsa') return 'rsa';
  if (key.asymmetricKeyType === 'ed25519') return 'Ed25519';
  if (key.asymmetricKeyType === 'ec') return curveNames[key.asymmetricKeyDetails?.namedCurve ?? ''];
  return undefined;
}

export interface VerificationKeyOptions {
  readonly key: KeyObject;
  readonly algorithm: SignatureAlgorithm;
  readonly kid?: string | undefined;
  readonly issuer?: string | undefined;
}

/**
 * Binds a key to its algorithm. Signatures are checked at once, on the calling thread: an RSA-2048 check
 * takes a quarter of what handing it to Node's thread pool costs, and never queues behind password hashes.
 */
export function createVerificationKey(options: VerificationKeyOptions): VerificationKey {
  const { key, algorithm, kid, issuer } = options;
  const check = isSymmetric(algorithm) ? macCheck(key, algorithm) : signatureCheck(key, algorithm);
  return {
    kid,
    algorithm,
    issuer,
    withdrawn: false,
    verifies(signingInput, signature) {
      try {
        return check(signingInput, signature);
      } catch {
        // OpenSSL throws for some malformed signatures where it returns false for others.
        return false;
      }
    },
  };
}

type Check = (signingInput: string, signature: Buffer) => boolean;

function macCheck(key: KeyObject, algorithm: SignatureAlgorithm): Check {
  const hash = `sha${algorithm.slice(2)}`;
  return (signingInput, signature) => {
    const mac = createHmac(hash, key).update(signingInput, 'latin1').digest();
    return mac.length === signature.length && timingSafeEqual(mac, signature);
  };
}

function signatureCheck(key: KeyObject, algorithm: SignatureAlgorithm): Check {
  const { hash, pss } = algorithmTable[algorithm];
  const input = verifyInput(key, pss);
  const bytes = signatureBytes(key);
  // OpenSSL takes an RSA-PSS signature without its leading zeroes; RFC 8017 §8.1.2 does not, and a token must
  // not have a second spelling.
  return (signingInput, signature) =>
    signature.length === bytes &&
    verify(hash, Buffer.from(signingInput, 'latin1'), input, signature);
}

function verifyInput(key: KeyObject, pss: true | undefined): Parameters<typeof verify>[2] {
  if (pss)
    return {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    };
  // JWS' r|s form (RFC 7518 §3.4); a DER signature has another length and fails.
  if (key.asymmetricKeyType === 'ec') return { key, dsaEncoding: 'ieee-p1363' };
  // The bare key: Node 24 takes half as long again for options that say nothing.
  return key;
}

/** Length of every signature by this key: the modulus (RFC 8017 §8), r and s (RFC 7518 §3.4), or 64 (RFC 8032). */
function signatureBytes(key: KeyObject): number {
  const { modulusLength, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined) return Math.ceil(modulusLength / 8);
  return { secp384r1: 96, secp521r1: 132 }[namedCurve] ?? 64;
}
