import type { RequestHandler } from 'express';
import { reusableError } from '../errors.js';
import { principalOf } from '../principal.js';
import { neededScopes } from './scopes.js';

/**
 * Lets only callers pass whose token grants every one of these scopes. Needs `requireAuth()` before it.
 * Errors: INSUFFICIENT_SCOPE (403, with the needed scopes in the challenge, RFC 6750 §3.1), CREDENTIALS_MISSING (401).
 * Throws a TypeError when there is no scope or one that no token can grant.
 */
export function requireScopes(...scopes: readonly string[]): RequestHandler {
  const needed = neededScopes('requireScopes', scopes);
  const refusal = reusableError('INSUFFICIENT_SCOPE', { scopes: needed });
  return function requireScopesMiddleware(req, _res, next) {
    const granted = principalOf(req).scopes;
    for (const scope of needed) if (!granted.has(scope)) throw refusal;
    next();
  };
}
