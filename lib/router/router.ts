import type { RequestHandler } from 'express';
import { refuseUnknownOptions } from '../known-options.js';
import { type AuthRouterOptions, routerOptionNames, type RouterParts } from './parts.js';

/**
 * Creates the router behind `auth.router()`. It loads its routes now and not with the package, so that an application that
 * only verifies tokens doesn't wait for them. Throws a TypeError for options that cannot work.
 */
export function createRouter(parts: RouterParts, options: AuthRouterOptions): RequestHandler {
  refuseUnknownOptions('auth.router()', options, routerOptionNames);
  refuseLinksToNowhere(parts, options);
  const loading = import('./all-routes.js').then(({ createRoutes }) =>
    createRoutes(parts, options),
  );
  // Each request reports a failure. Without one there is nothing to report it to.
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
