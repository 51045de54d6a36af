import type { Request, RequestHandler } from 'express';
import {
  type AuthenticatorOptions,
  authenticatorOptionNames,
  createAuthenticator,
} from '../authenticator.js';
import { reusableError } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import type { Verifier } from '../verifier.js';

export interface RequireAuthOptions extends AuthenticatorOptions<Request> {
  /**
   * Lets CORS preflights through: OPTIONS with `Origin` and `Access-Control-Request-Method` (Fetch §3.2.2),
   * and nothing else. Not needed behind `securityHeaders({ cors })`. @defaultValue `false`
   */
  readonly allowPreflight?: boolean;
}

const optionNames: readonly (keyof RequireAuthOptions)[] = [
  ...authenticatorOptionNames,
  'allowPreflight',
];

/**
 * Lets only requests with a valid access token pass and sets `req.auth`.
 * Errors: CREDENTIALS_MISSING, INVALID_TOKEN, TOKEN_EXPIRED, TOKEN_REVOKED (401), INVALID_REQUEST (400),
 * INSUFFICIENT_ROLE (403, with `userOnly`), KEYS_UNAVAILABLE and STORE_UNAVAILABLE (503).
 */
export function requireAuth(verifier: Verifier, options: RequireAuthOptions = {}): RequestHandler {
  refuseUnknownOptions('requireAuth()', options, optionNames);
  const { allowPreflight = false, ...pipeline } = options;
  const authenticate = createAuthenticator(verifier, pipeline);
  const missing = reusableError('CREDENTIALS_MISSING', { realm: verifier.realm });
  return function requireAuthMiddleware(req, _res, next) {
    if (allowPreflight && isPreflight(req)) {
      next();
      return;
    }
    const principal = authenticate(req);
    if (principal === undefined) throw missing;
    if (principal instanceof Promise) {
      // Express 4 does not wait for a middleware, so the rejection is handed over here.
      principal.then((settled) => {
        req.auth = settled;
        next();
      }, next);
      return;
    }
    req.auth = principal;
    next();
  };
}

function isPreflight({ method, headers }: Request): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}
