import { AuthError, reusableError } from '../../errors.js';
import type { InvalidReason, RefusalReason } from './rules.js';

/** The errors a verifier refuses tokens with. */
export interface Refusals {
  /** INVALID_TOKEN, built once for each reason. */
  invalid(reason: InvalidReason): AuthError;
  /**
   * INVALID_TOKEN, or TOKEN_EXPIRED with `expired_at` made of `exp`, in seconds since 1970. Expiry is judged before the signature,
   * so that a stale token costs no key fetch: `exp` is what the token says, and nothing has verified it.
   */
  of(reason: RefusalReason, exp: unknown): AuthError;
  readonly revoked: AuthError;
}

/** Prepares the refusals of one protection space. */
export function createRefusals(realm: string): Refusals {
  const prepared = new Map<InvalidReason, AuthError>();

  function invalid(reason: InvalidReason): AuthError {
    const known = prepared.get(reason);
    if (known) return known;
    const error = reusableError('INVALID_TOKEN', { realm, reason });
    prepared.set(reason, error);
    return error;
  }

  return {
    invalid,
    of(reason, exp) {
      if (reason !== 'expired') return invalid(reason);
      return new AuthError('TOKEN_EXPIRED', { realm, reason, expiredAt: Number(exp) });
    },
    revoked: reusableError('TOKEN_REVOKED', { realm, reason: 'revoked' }),
  };
}
