import { AuthError, reusableError } from '../../errors.js';
import type { InvalidReason } from './rules.js';

/** The errors a verifier refuses tokens with. */
export interface Refusals {
  /** INVALID_TOKEN, built once for each reason. */
  invalid(reason: InvalidReason): AuthError;
  /**
   * TOKEN_EXPIRED with `expired_at` made of `exp`, in seconds since 1970. Expiry is judged before the signature, so
   * that a stale token costs no key fetch: `exp` is what the token says, and nothing has verified it.
   */
  expired(exp: number): AuthError;
  readonly revoked: AuthError;
}

/** Prepares the refusals of one protection space. */
export function createRefusals(realm: string): Refusals {
  const prepared = new Map<InvalidReason, AuthError>();
  return {
    invalid(reason) {
      const known = prepared.get(reason);
      if (known) return known;
      const error = reusableError('INVALID_TOKEN', { realm, reason });
      prepared.set(reason, error);
      return error;
    },
    expired: (exp) => new AuthError('TOKEN_EXPIRED', { realm, reason: 'expired', expiredAt: exp }),
    revoked: reusableError('TOKEN_REVOKED', { realm, reason: 'revoked' }),
  };
}
