import type { RequestHandler } from 'express';
import { numberInRange, refuseUnknownOptions } from '../known-options.js';
import { type AuthRouterOptions, routerOptionNames, type RouterParts } from './parts.js';

/**
 * Creates the router behind `auth.router()`. It loads its routes now and not with the package, so that an application that
 * only verifies tokens doesn't wait for them. Throws a TypeError for options that cannot work.
 */
export function createRouter(parts: RouterParts, options: AuthRouterOptions): RequestHandler {
  refuseUnknownOptions('auth.router()', options, routerOptionNames);
  refuseLinksToNowhere(parts, options);
  refuseSignUpWithoutMail(parts, options);
  refuseTimesOutOfRange(options);
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
  { sendMail, resetPasswordPage, verifyEmailPage }: AuthRouterOptions,
): void {
  if (!sendMail || config.publicUrl !== undefined) return;
  const pages = { resetPasswordPage, ...(config.passwordSignUp && { verifyEmailPage }) };
  for (const [name, page] of Object.entries(pages))
    if (page === undefined || !URL.canParse(page))
      throw new TypeError(
        `auth.router({ sendMail }) cannot write links: set AUTH_PUBLIC_URL, or \`${name}\` to an absolute URL`,
      );
}

function refuseSignUpWithoutMail({ config }: RouterParts, { sendMail }: AuthRouterOptions): void {
  if (config.passwordSignUp && !sendMail)
    throw new TypeError(
      'AUTH_PASSWORD_SIGN_UP is on, but auth.router() has no `sendMail` to prove addresses with: give it one, or turn the setting off',
    );
}

function refuseTimesOutOfRange({
  resetTokenSeconds = 3600,
  verifyTokenSeconds = 86_400,
}: AuthRouterOptions): void {
  numberInRange(resetTokenSeconds, [60, 86_400], 'resetTokenSeconds');
  numberInRange(verifyTokenSeconds, [60, 604_800], 'verifyTokenSeconds');
}
