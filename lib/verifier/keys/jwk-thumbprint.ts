import { createHash } from 'node:crypto';
import type { JsonWebKey } from './json-web-key.js';

/**
 * Names a public key by its SHA-256 thumbprint (RFC 7638 §3): hashes the members that its type requires, in lexicographic order, and
 * no other, so that nothing that is added to a key changes its name.
 *
 * @example
 * const kid = jwkThumbprint(publicKey.export({ format: 'jwk' }));
 */
export function jwkThumbprint({ kty, crv, e, n, x, y }: JsonWebKey): string {
  const byType = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y: kty === 'OKP' ? undefined : y };
  return createHash('sha256').update(JSON.stringify(byType)).digest('base64url');
}
