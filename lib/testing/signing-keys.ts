import {
  constants,
  createHmac,
  createSecretKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint } from 'jose';
import type { JsonWebKey } from '../verifier/keys/json-web-key.js';

/** Algorithms a test issuer can sign with. */
export type TestAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA' | 'Ed25519' | 'HS256';

/** A public key as the issuer publishes it (RFC 7517 §4). */
interface PublicJwk {
  readonly kty: string;
  readonly kid: string;
  readonly alg: string;
  readonly use: 'sig';
  readonly [parameter: string]: unknown;
}

/** A key that signs. The private half never leaves the closure behind `sign`. */
export interface SigningKey {
  readonly algorithm: TestAlgorithm;
  /** RFC 7638 thumbprint; for a secret a label that no token carries. */
  readonly kid: string;
  /** Undefined for a secret. */
  readonly published: { readonly jwk: PublicJwk; readonly publicKey: KeyObject } | undefined;
  /** The shared secret of HS256; undefined for a key pair. */
  readonly secret: Uint8Array | undefined;
  /** Signs with the key's own algorithm, or another one that the same key can compute. */
  sign(input: string | Uint8Array, algorithm?: string): Buffer;
}

/**
 * Lends the keys of one issuer, never the same one twice. RSA pairs take 100 ms to make, so they come
 * from a pool that the process shares: issuers more than {@link RSA_POOL_SIZE} loans apart may hold the
 * same pair. Other keys are always new.
 */
export type KeyLender = () => Promise<SigningKey>;

const RSA_POOL_SIZE = 8;

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const generate = promisify(generateKeyPair);
const rsaPool: Promise<KeyPair>[] = [];
let rsaLoans = 0;

export function createKeyLender(algorithm: TestAlgorithm): KeyLender {
  const lent = new Set<Promise<KeyPair>>();
  let secrets = 0;
  return async () => {
    if (algorithm === 'HS256') {
      secrets += 1;
      return secretKey(`secret-${secrets}`);
    }
    if (algorithm === 'ES256')
      return pairKey(algorithm, await generate('ec', { namedCurve: 'P-256' }));
    if (algorithm === 'EdDSA' || algorithm === 'Ed25519')
      return pairKey(algorithm, await generate('ed25519'));
    const pair = lendRsaPair(lent);
    lent.add(pair);
    return pairKey(algorithm, await pair);
  };
}

function lendRsaPair(lent: ReadonlySet<Promise<KeyPair>>): Promise<KeyPair> {
  for (let tried = 0; tried < rsaPool.length && rsaPool.length === RSA_POOL_SIZE; tried += 1) {
    const pair = rsaPool[rsaLoans++ % RSA_POOL_SIZE];
    if (pair !== undefined && !lent.has(pair)) return pair;
  }
  const made = generate('rsa', { modulusLength: 2048 });
  if (rsaPool.length < RSA_POOL_SIZE) rsaPool.push(made);
  return made;
}

function secretKey(kid: string): SigningKey {
  const secret = randomBytes(32);
  const key = createSecretKey(secret);
  return {
    algorithm: 'HS256',
    kid,
    published: undefined,
    secret: new Uint8Array(secret),
    sign: (input, algorithm = 'HS256') => hmac(algorithm, key, input),
  };
}

async function pairKey(algorithm: TestAlgorithm, pair: KeyPair): Promise<SigningKey> {
  const { privateKey, publicKey } = pair;
  const parameters: JsonWebKey = publicKey.export({ format: 'jwk' });
  const kty = parameters.kty ?? '';
  const kid = await calculateJwkThumbprint({ ...parameters, kty });
  return {
    algorithm,
    kid,
    published: { jwk: { ...parameters, kty, kid, alg: algorithm, use: 'sig' }, publicKey },
    secret: undefined,
    sign: (input, as = algorithm) => signAs(as, privateKey, Buffer.from(input)),
  };
}

/** An HMAC over the input (RFC 7518 §3.2): `HS256`, `HS384` or `HS512`. */
export function hmac(
  algorithm: string,
  key: KeyObject | string | Uint8Array,
  input: string | Uint8Array,
): Buffer {
  return createHmac(hashOf(algorithm), key).update(input).digest();
}

function signAs(algorithm: string, key: KeyObject, input: Buffer): Buffer {
  if (key.asymmetricKeyType === 'ed25519') return sign(null, input, key);
  if (key.asymmetricKeyType === 'ec')
    return sign(hashOf(algorithm), input, { key, dsaEncoding: 'ieee-p1363' });
  if (!algorithm.startsWith('PS')) return sign(hashOf(algorithm), input, key);
  return sign(hashOf(algorithm), input, {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  });
}

function hashOf(algorithm: string): string {
  return `sha${algorithm.slice(2, 5)}`;
}
