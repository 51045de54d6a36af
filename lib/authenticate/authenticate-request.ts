import { AuthError, challenged } from '../errors.js';
import type { Principal } from '../principal.js';
import type { Verifier } from '../verifier/verifier.js';
import { type AuthenticatorContext, createAuthenticator } from './authenticator.js';
import type { RequestHead } from './credentials.js';
import { guardProofs, schemesOf } from './dpop/guard-proofs.js';
import { createGuardChallenges } from './guard-challenges.js';

/**
 * Prepares the check of `requireAuth()` for places without middleware. It rejects with the error that the guard answers with,
 * challenges among it, and with CREDENTIALS_MISSING (401) for a request without a credential.
 */
export function createRequestCheck(
  verifier: Verifier,
  context: AuthenticatorContext,
): (request: RequestHead) => Promise<Principal> {
  const { realm } = verifier;
  const { resourceMetadata } = context;
  const { mode } = guardProofs(undefined, context);
  const authenticate = createAuthenticator(verifier, {}, context);
  const challengesOf = createGuardChallenges({ realm, resourceMetadata, ...schemesOf(mode) });
  return async (request) => {
    try {
      const principal = await authenticate(request);
      if (principal) return principal;
      throw new AuthError('CREDENTIALS_MISSING', { realm });
    } catch (error) {
      throw challenged(error, challengesOf?.(request));
    }
  };
}
