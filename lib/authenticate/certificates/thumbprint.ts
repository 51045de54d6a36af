import { hash } from 'node:crypto';

/** SHA-256 of a certificate in DER, in base64url: what `cnf['x5t#S256']` holds (RFC 8705 §3.1). */
export function thumbprintOf(der: Uint8Array): string {
  return hash('sha256', der, 'base64url');
}
