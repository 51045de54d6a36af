import type { RequestHandler } from 'express';
import { reusableError } from '../errors.js';
import { principalOf } from '../principal.js';
import { neededScopes } from './scopes.js';

/**
 * Lets only callers pass whose token grants at least one of these scopes. Needs `requireAuth()` before it.
 * Errors: INSUFFICIENT_SCOPE (403), CREDENTIALS_MISSING (401).
 * Throws a TypeError when there is no scope or one that no token can grant.
 */
export function requireAnyScope(...scopes: readonly string[]): RequestHandler {
  const sufficient = neededScopes('requireAnyScope', scopes);
  const refusal = reusableError('INSUFFICIENT_SCOPE', { scopes: sufficient });
  return function requireAnyScopeMiddleware(req, _res, next) {
    const granted = principalOf(req).scopes;
    if (!sufficient.some((scope) => granted.has(scope))) throw refusal;
    next();
  };
}
