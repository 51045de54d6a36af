import type { RequestHandler } from 'express';
import { createScopeGuard, type ScopesAndOptions } from './scopes.js';

/**
 * Lets only callers pass whose token grants every one of these scopes, or one with `{ match: 'any' }`. Needs
 * `requireAuth()` before it.
 * Errors: INSUFFICIENT_SCOPE (403, with the needed scopes in the challenge, RFC 6750 §3.1), CREDENTIALS_MISSING (401).
 * Throws a TypeError when there is no scope or one that no token can grant.
 *
 * @example
 * ```ts
 * app.get('/reports', auth.requireAuth(), requireScopes('reports:read'), handler);
 * app.get('/audit', auth.requireAuth(), requireScopes('audit:read', 'admin', { match: 'any' }), handler);
 * ```
 */
export function requireScopes(...scopes: ScopesAndOptions): RequestHandler {
  return createScopeGuard('requireScopes', scopes, 'all');
}
