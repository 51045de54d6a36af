import type { Request, RequestHandler } from 'express';
import { describeGuard, factsOfAuth } from '../audit/guard-facts.js';
import {
  acceptsSessionCookie,
  type AuthenticatorContext,
  type AuthenticatorOptions,
  authenticatorOptionNames,
  createAuthenticator,
  credentialsTaken,
} from '../authenticate/authenticator.js';
import { guardProofs, schemesOf } from '../authenticate/dpop/guard-proofs.js';
import { sendNextNonce } from '../authenticate/dpop/next-nonce.js';
import { createGuardChallenges } from '../authenticate/guard-challenges.js';
import { noteChallenge } from '../errors/challenges.js';
import { AuthError, challenged } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import { addVary } from '../http/vary.js';
import type { Verifier } from '../verifier/verifier.js';

export interface OptionalAuthOptions extends AuthenticatorOptions<Request> {
  /**
   * Treats a bad token like none, as some older APIs do. A client with an expired token then silently sees
   * the anonymous answer. Outages are still 503, a demand for a nonce 401 USE_DPOP_NONCE, and a key that was not looked at 429 RATE_LIMITED.
   * @defaultValue `false`
   */
  readonly lenient?: boolean;
}

const optionNames: readonly (keyof OptionalAuthOptions)[] = [
  ...authenticatorOptionNames,
  'lenient',
];

/**
 * Sets `req.auth` when the request carries a valid access token and lets anonymous requests pass without; handlers read
 * it with `optionalPrincipalOf(req)`. A token that is there but bad is refused, with the errors of `requireAuth()`. Adds
 * `Vary: Authorization`, since the response depends on the caller.
 *
 * @example
 * ```ts
 * app.get('/projects', optionalAuth(verifier), (req, res) => {
 *   res.json({ own: optionalPrincipalOf(req)?.subject ?? null });
 * });
 * ```
 */
export function optionalAuth(verifier: Verifier, options?: OptionalAuthOptions): RequestHandler;
/** @internal With what only `createAuth()` knows. */
export function optionalAuth(
  verifier: Verifier,
  options: OptionalAuthOptions | undefined,
  context: AuthenticatorContext,
): RequestHandler;
export function optionalAuth(
  verifier: Verifier,
  options: OptionalAuthOptions = {},
  context: AuthenticatorContext = {},
): RequestHandler {
  refuseUnknownOptions('optionalAuth()', options, optionNames);
  const { lenient = false, ...demands } = options;
  const byCookie = acceptsSessionCookie(demands, context);
  const authenticate = createAuthenticator(verifier, demands, context);
  const facts = factsOfAuth('optionalAuth', demands, credentialsTaken(demands, context));
  const challengesOf = createGuardChallenges({
    realm: verifier.realm,
    ...schemesOf(guardProofs(demands.dpop, context).mode),
    resourceMetadata: context.resourceMetadata,
  });
  const guard: RequestHandler = function optionalAuthMiddleware(req, res, next) {
    // Also for an anonymous request: the guards behind this one refuse it.
    if (challengesOf) noteChallenge(req, challengesOf(req));
    addVary(res, 'Authorization');
    if (byCookie) addVary(res, 'Cookie');
    if (context.readApiKey) addVary(res, 'X-API-Key');
    const pass = (error: unknown): void => {
      if (lenient && isBadCredential(error)) next();
      else next(challenged(error, challengesOf?.(req)));
    };
    try {
      const principal = authenticate(req);
      if (principal instanceof Promise) {
        principal
          .then((settled) => {
            if (settled !== undefined) req.auth = settled;
            // Proofs are remembered in a store, so no token that comes with one is known at once.
            sendNextNonce(req, res);
            next();
          }, pass)
          .catch(next);
        return;
      }
      if (principal !== undefined) req.auth = principal;
    } catch (error) {
      pass(error);
      return;
    }
    next();
  };
  return describeGuard(facts, guard);
}

/** By these a client is asked to come again; they say nothing of its credential (RFC 9449 §9). */
const UNJUDGED: ReadonlySet<AuthError['code']> = new Set(['USE_DPOP_NONCE', 'RATE_LIMITED']);

function isBadCredential(error: unknown): boolean {
  return error instanceof AuthError && error.status < 500 && !UNJUDGED.has(error.code);
}
