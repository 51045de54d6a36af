import type { JsonWebKey } from 'node:crypto';
import { CompactSign } from 'jose';
import { keyPair } from './key-pairs.js';

/** A token before it is signed. */
export interface UnsignedToken {
  /** Without `alg` and `kid`, which are the signer's. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface TokenSigner {
  /** The public key as its owner publishes it. */
  readonly jwk: JsonWebKey & { readonly kid: string };
  sign(token: UnsignedToken): Promise<string>;
}

/**
 * An RSA key that signs RS256. A `kid` always stands for the same one. `published` is added to the public key: `use`, `alg` and whatever
 * else its owner says about it.
 */
export async function createTokenSigner(
  kid: string,
  published: Readonly<Record<string, unknown>> = { use: 'sig', alg: 'RS256' },
): Promise<TokenSigner> {
  const { publicKey, privateKey } = keyPair('RSA-2048', kid);
  return {
    jwk: { ...publicKey.export({ format: 'jwk' }), ...published, kid },
    sign: ({ header, claims }) =>
      new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ ...header, alg: 'RS256', kid })
        .sign(privateKey),
  };
}
