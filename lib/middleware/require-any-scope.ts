import type { RequestHandler } from 'express';
import { createScopeGuard } from './scopes.js';

/**
 * Lets only callers pass whose token grants at least one of these scopes: short for `requireScopes(…, { match: 'any' })`.
 * Errors and misuse are those of `requireScopes()`.
 *
 * @example
 * ```ts
 * app.get('/audit', auth.requireAuth(), requireAnyScope('audit:read', 'admin'), handler);
 * ```
 */
export function requireAnyScope(...scopes: readonly string[]): RequestHandler {
  return createScopeGuard('requireAnyScope', scopes, 'any');
}
