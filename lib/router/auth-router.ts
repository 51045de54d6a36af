import type { RequestHandler } from 'express';
import { refuseUnknownOptions } from '../known-options.js';
import { type AuthRouterOptions, routerOptionNames, type RouterParts } from './parts.js';

/**
 * The routes for signing in and staying signed in; mount them where you like, usually under `/api/auth`. Errors go
 * to the application's error handlers. Throws a TypeError for options that cannot work.
 */
export function createAuthRouter(
  parts: RouterParts,
  options: AuthRouterOptions = {},
): RequestHandler {
  refuseUnknownOptions('auth.router()', options, routerOptionNames);
  refuseLinksToNowhere(parts, options);
  // Loaded on first use: an application that only verifies tokens must not pay for zod and the rest.
  const loading = import('./all-routes.js').then(({ createRoutes }) =>
    createRoutes(parts, options),
  );
  // Each request reports a failure of it; before the first request a rejection must not count as unhandled.
  loading.catch(() => undefined);
  return function authRouter(req, res, next) {
    loading.then((routes) => routes(req, res, next)).catch(next);
  };
}

function refuseLinksToNowhere(
  { config }: RouterParts,
  { sendMail, resetPasswordPage = '/reset-password' }: AuthRouterOptions,
): void {
  if (sendMail && config.publicUrl === undefined && !URL.canParse(resetPasswordPage))
    throw new TypeError(
      'auth.router({ sendMail }) cannot write links: set AUTH_PUBLIC_URL, or `resetPasswordPage` to an absolute URL',
    );
}
