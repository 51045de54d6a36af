import type { Request, RequestHandler } from 'express';
import {
  type AuthenticatorOptions,
  authenticatorOptionNames,
  createAuthenticator,
} from '../authenticate/authenticator.js';
import { AuthError } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import { addVary } from '../http/vary.js';
import type { Verifier } from '../verifier/verifier.js';

export interface OptionalAuthOptions extends AuthenticatorOptions<Request> {
  /**
   * Treats a bad token like none, as some older APIs do. A client with an expired token then silently sees
   * the anonymous answer. Outages are still 503. @defaultValue `false`
   */
  readonly lenient?: boolean;
}

const optionNames: readonly (keyof OptionalAuthOptions)[] = [
  ...authenticatorOptionNames,
  'lenient',
];

/**
 * Sets `req.auth` when the request carries a valid access token and lets anonymous requests pass without.
 * A token that is there but bad is refused, with the errors of `requireAuth()`. Adds `Vary: Authorization`,
 * for the answer depends on who asks.
 */
export function optionalAuth(
  verifier: Verifier,
  options: OptionalAuthOptions = {},
): RequestHandler {
  refuseUnknownOptions('optionalAuth()', options, optionNames);
  const { lenient = false, ...pipeline } = options;
  const authenticate = createAuthenticator(verifier, pipeline);
  return function optionalAuthMiddleware(req, res, next) {
    addVary(res, 'Authorization');
    if (pipeline.cookie === true) addVary(res, 'Cookie');
    const pass = (error: unknown): void => {
      if (lenient && error instanceof AuthError && error.status < 500) next();
      else next(error);
    };
    try {
      const principal = authenticate(req);
      if (principal instanceof Promise) {
        principal
          .then((settled) => {
            if (settled !== undefined) req.auth = settled;
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
}
