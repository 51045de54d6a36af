import { generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { algorithmsOf } from '../../config/key-readers.js';
import { jwkThumbprint } from '../../verifier/keys/jwk-thumbprint.js';
import type { SignatureAlgorithm } from '../../verifier/trusted-issuers/options.js';
import type { JsonWebKey } from '../../verifier/keys/json-web-key.js';

/** A key that has just been made. */
export interface NewKey {
  readonly algorithm: SignatureAlgorithm;
  /** The variable that takes it. */
  readonly variable: 'AUTH_JWT_SECRET' | 'AUTH_JWT_PRIVATE_KEY';
  /** PKCS#8 PEM, or a secret; with a line end. */
  readonly text: string;
  /** Its name among published keys (RFC 7638). Undefined for a secret. */
  readonly kid: string | undefined;
  /** Undefined for a secret, which has no public half. */
  readonly publicJwk: JsonWebKey | undefined;
  /** Whether a key of this kind signs with this algorithm without AUTH_JWT_ALGORITHM. */
  readonly isUsualAlgorithm: boolean;
}

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const generate = promisify(generateKeyPair);
// NIST SP 800-57 part 1, table 4: 128 bits of security, for longer than 2030.
const rsa = (): Promise<KeyPair> => generate('rsa', { modulusLength: 3072 });
const ec = (namedCurve: string) => (): Promise<KeyPair> => generate('ec', { namedCurve });
const ed25519 = (): Promise<KeyPair> => generate('ed25519');

const makers: Readonly<Record<SignatureAlgorithm, (() => Promise<KeyPair>) | 'secret'>> = {
  ES256: ec('P-256'),
  ES384: ec('P-384'),
  ES512: ec('P-521'),
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  EdDSA: ed25519,
  Ed25519: ed25519,
  HS256: 'secret',
  HS384: 'secret',
  HS512: 'secret',
};

export const algorithms: readonly string[] = Object.keys(makers);

export function isAlgorithm(name: string): name is SignatureAlgorithm {
  return Object.hasOwn(makers, name);
}

/** Makes a key for an algorithm. */
export async function createNewKey(algorithm: SignatureAlgorithm): Promise<NewKey> {
  const make = makers[algorithm];
  if (make === 'secret') return createNewSecret(algorithm);
  const { privateKey, publicKey } = await make();
  const text = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const jwk = publicKey.export({ format: 'jwk' });
  const kid = jwkThumbprint(jwk);
  return {
    algorithm,
    variable: 'AUTH_JWT_PRIVATE_KEY',
    text,
    kid,
    publicJwk: { ...jwk, kid, alg: algorithm, use: 'sig' },
    isUsualAlgorithm: algorithmsOf(text)[0] === algorithm,
  };
}

/** 48 random bytes as 64 characters, whose bytes are what counts: enough for HS512, which needs the most. */
function createNewSecret(algorithm: SignatureAlgorithm): NewKey {
  return {
    algorithm,
    variable: 'AUTH_JWT_SECRET',
    text: `${randomBytes(48).toString('base64url')}\n`,
    kid: undefined,
    publicJwk: undefined,
    isUsualAlgorithm: algorithm === 'HS256',
  };
}
