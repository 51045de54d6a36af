import type { RequestHandler } from 'express';
import { describeGuard } from '../audit/guard-facts.js';
import { stackOf } from '../audit/layers.js';
import { isRecord } from '../is-record.js';
import { loadOnce } from '../loading/load-once.js';
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
  const load = loadOnce(async () => {
    const { createRoutes } = await import('./all-routes.js');
    return createRoutes(parts, options);
  });
  // Each request reports a failure, and tries again. Without one there is nothing to report it to.
  load().catch(() => undefined);
  const router: RequestHandler = function authRouter(req, res, next) {
    load()
      .then((routes) => routes(req, res, next))
      .catch(next);
  };
  return describeGuard({ kind: 'authRouter' }, knowingItsMount(router, parts));
}

/** What Express sets `mountpath` to: a path, a pattern, or several. */
const unmounted: string | RegExp | readonly (string | RegExp)[] = '';

/** The application that mounts another one, as much as that one looks at. */
interface Mounting {
  /** Where it is mounted itself. */
  path(): string;
}

/**
 * Makes the router look like an application to `app.use(path, router)`, which tells applications where they are mounted
 * (Express, `mountpath` and the event `mount`), so that guards find its pages before the first request to it. Under an
 * `express.Router()` it is an ordinary function.
 */
function knowingItsMount(router: RequestHandler, { place }: RouterParts): RequestHandler {
  const mounted = Object.assign(router, {
    handle: router,
    set: () => mounted,
    mountpath: unmounted,
    emit(event: string, parent: Mounting): void {
      const paths = [mounted.mountpath].flat();
      describeMount(parent);
      // Later: the parent may not be mounted itself yet.
      if (event === 'mount') place.mountedAt(() => paths.map((path) => `${parent.path()}${path}`));
    },
  });
  return mounted;
}

/** An application mounts another one in a function of its own, the last so far, which must say for us what it is. */
function describeMount(parent: object): void {
  const layer = stackOf(parent)?.at(-1);
  const handle = isRecord(layer) ? layer['handle'] : undefined;
  if (typeof handle === 'function') describeGuard({ kind: 'authRouter' }, handle);
}

function refuseLinksToNowhere(
  { config }: RouterParts,
  { sendMail, resetPasswordPage, verifyEmailPage, acceptInvitationPage }: AuthRouterOptions,
): void {
  if (!sendMail || config.publicUrl !== undefined) return;
  const pages = {
    resetPasswordPage,
    ...(config.passwordSignUp && { verifyEmailPage }),
    ...(config.ownOrganisations && { acceptInvitationPage }),
  };
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
