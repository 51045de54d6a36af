import { constants, createHmac, createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import type { TestIssuer } from '../../lib/testing/index.js';

/** Answers whether the last segment is the issuer's own signature over the text before it, whatever that says. */
export function hasRightSignature(issuer: TestIssuer, token: string, algorithm: string): boolean {
  const end = token.lastIndexOf('.');
  const input = Buffer.from(token.slice(0, end));
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  const hash = `sha${algorithm.slice(2)}`;
  const { keys } = issuer.policy;
  if ('secret' in keys)
    return [keys.secret]
      .flat()
      .some((secret) => createHmac(hash, secret).update(input).digest().equals(signature));
  return issuer.jwks().keys.some((jwk) => verifies({ jwk, hash, algorithm, input, signature }));
}

interface Check {
  readonly jwk: JsonWebKey;
  readonly hash: string;
  readonly algorithm: string;
  readonly input: Buffer;
  readonly signature: Buffer;
}

function verifies({ jwk, hash, algorithm, input, signature }: Check): boolean {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  if (key.asymmetricKeyType === 'ed25519') return verify(null, input, key, signature);
  if (algorithm.startsWith('ES'))
    return verify(hash, input, { key, dsaEncoding: 'ieee-p1363' }, signature);
  if (algorithm.startsWith('RS')) return verify(hash, input, key, signature);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return verify(hash, input, { key, padding, saltLength: 32 }, signature);
}
