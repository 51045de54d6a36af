import type { RequestHandler } from 'express';
import type { AuthRouterOptions } from './parts.js';

/**
 * Creates the routes for signing in and staying signed in: the same as `auth.router(options)`. Mount it where you like,
 * usually under `/api/auth`. Errors go to the application's error handlers. Throws a TypeError for options that cannot
 * work, and for an application that signs no tokens.
 *
 * @example
 * ```ts
 * const auth = createAuth();
 * app.use('/api/auth', createAuthRouter(auth, { resetTokenSeconds: 900 }));
 * ```
 */
export function createAuthRouter(
  auth: { router(options?: AuthRouterOptions): RequestHandler },
  options?: AuthRouterOptions,
): RequestHandler {
  return auth.router(options);
}
