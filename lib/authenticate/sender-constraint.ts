import { reusableError } from '../errors.js';
import { isRecord } from '../is-record.js';
import type { Principal } from '../principal.js';
import { createCertificateCheck } from './certificates/certificate-check.js';
import type { ThumbprintReader } from './certificates/client-certificates.js';
import type { Credential, RequestHead } from './credentials.js';
import type { GuardProofs } from './dpop/guard-proofs.js';

/** A token that has been verified, and the request that it came with. */
interface PresentedPrincipal {
  readonly principal: Principal;
  readonly credential: Credential;
  readonly request: RequestHead;
}

/** Whether the sender may use the token: returns its principal, or throws or rejects with an `AuthError`. */
export type SenderCheck = (presented: PresentedPrincipal) => Principal | Promise<Principal>;

export interface SenderCheckOptions {
  /** How the guard treats tokens that are bound to a key. */
  readonly proofs: GuardProofs;
  /** How it finds the client's certificate. @defaultValue no token that is bound to one is taken */
  readonly clientCertificate?: ThumbprintReader | undefined;
}

/**
 * Makes sure that a token which is bound to a key or a certificate (`cnf`, RFC 7800) is used by nobody but the holder. Each binding
 * that is understood must hold, and there must be one: what is not understood, or is off, must not be taken as a plain
 * bearer token (RFC 9449 §7.2, RFC 8705 §3).
 */
export function createSenderCheck(
  realm: string,
  { proofs, clientCertificate }: SenderCheckOptions,
): SenderCheck {
  const constrained = reusableError('INVALID_TOKEN', { realm, reason: 'sender_constrained' });
  const unbound = reusableError('INVALID_TOKEN', { realm, reason: 'not_bound' });
  const checkCertificate = createCertificateCheck(realm, clientCertificate);

  async function proven(
    { principal, credential, request }: PresentedPrincipal,
    thumbprint: unknown,
  ) {
    if (!proofs.check) throw constrained;
    await proofs.check.check(request, { bound: { token: credential.value, thumbprint } });
    return principal;
  }

  return (presented) => {
    const { principal, credential, request } = presented;
    const confirmation = principal.claims['cnf'];
    const { jkt, 'x5t#S256': certificate } = isRecord(confirmation) ? confirmation : {};
    if ((credential.kind === 'dpop') !== (jkt !== undefined)) throw constrained;
    if (proofs.mode === 'required' && jkt === undefined) throw unbound;
    if (confirmation === undefined) return principal;
    if (jkt === undefined && certificate === undefined) throw constrained;
    // Before the proof, which is used up by being looked at.
    if (certificate !== undefined) checkCertificate(certificate, request);
    return jkt === undefined ? principal : proven(presented, jkt);
  };
}
