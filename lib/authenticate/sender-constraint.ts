import { reusableError } from '../errors.js';
import { isRecord } from '../is-record.js';
import type { Principal } from '../principal.js';
import { createCertificateCheck } from './certificates/certificate-check.js';
import type { ThumbprintReader } from './certificates/client-certificates.js';
import type { Credential, RequestHead } from './credentials.js';

/** A token that has been verified, and the request that it came with. */
interface PresentedPrincipal {
  readonly principal: Principal;
  readonly credential: Credential;
  readonly request: RequestHead;
}

/** Whether the sender may use the token: returns its principal, or throws or rejects with an `AuthError`. */
export type SenderCheck = (presented: PresentedPrincipal) => Principal | Promise<Principal>;

/**
 * Makes sure that a token which is bound to a key or a certificate (`cnf`, RFC 7800) is used by nobody but the holder. What
 * is not understood here is refused: as a plain bearer token it must not be taken (RFC 9449 §7.2, RFC 8705 §3).
 */
export function createSenderCheck(
  realm: string,
  { clientCertificate }: { readonly clientCertificate?: ThumbprintReader | undefined } = {},
): SenderCheck {
  const constrained = reusableError('INVALID_TOKEN', { realm, reason: 'sender_constrained' });
  const checkCertificate = createCertificateCheck(realm, clientCertificate);
  return ({ principal, credential, request }) => {
    const confirmation = principal.claims['cnf'];
    if (credential.kind !== 'bearer') throw constrained;
    if (confirmation === undefined) return principal;
    if (!isRecord(confirmation) || confirmation['jkt'] !== undefined) throw constrained;
    if (confirmation['x5t#S256'] === undefined) throw constrained;
    checkCertificate(confirmation['x5t#S256'], request);
    return principal;
  };
}
