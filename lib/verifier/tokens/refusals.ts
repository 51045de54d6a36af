import { AuthError, reusableError } from '../../errors.js';
import type { RefusalReason } from './rules.js';

/** The errors a verifier refuses tokens with, one for each reason, built once. */
export interface Refusals {
  /** The error for a flaw; `expiredAt` in seconds since 1970 goes with `expired`. */
  invalid(reason: RefusalReason, expiredAt?: unknown): AuthError;
  readonly revoked: AuthError;
}

/** Prepares the refusals of one protection space. */
export function createRefusals(realm: string): Refusals {
  const prepared = new Map<RefusalReason, AuthError>();
  return {
    invalid(reason, expiredAt) {
      if (reason === 'expired')
        return new AuthError('TOKEN_EXPIRED', { realm, reason, expiredAt: Number(expiredAt) });
      const known = prepared.get(reason);
      if (known) return known;
      const error = reusableError('INVALID_TOKEN', { realm, reason });
      prepared.set(reason, error);
      return error;
    },
    revoked: reusableError('TOKEN_REVOKED', { realm, reason: 'revoked' }),
  };
}
