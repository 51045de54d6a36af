import { reusableError } from '../../errors.js';
import type { RequestHead } from '../credentials.js';
import type { ThumbprintReader } from './client-certificates.js';

/**
 * Returns the check that a request came with the certificate which its token is bound to, by `cnf['x5t#S256']`. It throws
 * INVALID_TOKEN (401) for another certificate, for none, and where client certificates are not looked for (RFC 8705 §3).
 */
export function createCertificateCheck(
  realm: string,
  readThumbprint: ThumbprintReader = () => undefined,
): (thumbprint: unknown, request: RequestHead) => void {
  const wrong = reusableError('INVALID_TOKEN', { realm, reason: 'client_certificate' });
  return (thumbprint, request) => {
    const shown = readThumbprint(request);
    if (shown === undefined || shown !== thumbprint) throw wrong;
  };
}
