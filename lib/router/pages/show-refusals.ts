import type { Request, RequestHandler, Response } from 'express';
import { AuthError } from '../../errors.js';
import { isNavigation, isPageRequest } from '../../http/cross-site.js';
import { redirectWithin, withParameters } from '../../http/redirects.js';
import { reportDenial } from '../../middleware/report-denial.js';
import { helpfulPages, refusalPage, signInRoute, type WaysOn } from '../../pages/refusal-page.js';
import { ownPath, placeOf, queryOf } from '../own-urls.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/**
 * Shows what the routes refuse as a page to a browser that navigates, with the next step. What scripts are refused, and all other
 * errors, go to the application's error handlers.
 */
export function showRefusals(parts: RouterParts, routes: RequestHandler): RequestHandler {
  return function showRefusalsMiddleware(req, res, next) {
    return routes(req, res, (error?: unknown) => {
      if (!(error instanceof AuthError) || !isNavigation(req) || res.headersSent) next(error);
      else sendRefusal(parts, res, error);
    });
  };
}

function sendRefusal(parts: RouterParts, res: Response, error: AuthError): void {
  const { pages, events } = parts;
  const { req } = res;
  reportDenial(error, req, events);
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  const page = refusalPage(error, waysOn(parts, req, signInRoute(error)));
  const hasSecretAddress = queryOf(req).has('token');
  pages.send(res, error.status, (words) => ({ ...page(words), hasSecretAddress }));
}

function waysOn(
  { pages: { home }, config: { passwordLogin }, providers }: RouterParts,
  req: Request,
  signIn: string,
): WaysOn {
  const helpful = helpfulPages({ passwordLogin, providers: providers.all });
  const here = isPageRequest(req) ? placeOf(req, ownPath(req, req.url)) : undefined;
  const returnTo = here ?? placeAfter(req, home);
  const leadingTo = (page: string): string => withParameters(ownPath(req, page), { returnTo });
  return {
    home,
    signIn: helpful.signIn ? leadingTo(signIn) : undefined,
    changePassword: helpful.changePassword ? leadingTo('/change-password') : undefined,
    account: isOfAccount(req) ? ownPath(req, '/account') : undefined,
    again: here,
  };
}

/** Where a form leads whose sender has to sign in first. */
function placeAfter(req: Request, home: string): string {
  const { path } = req;
  if (/^\/(?:change-password|change-email|accept-invitation)$/.test(path))
    return ownPath(req, path);
  return isOfAccount(req) ? ownPath(req, '/account') : home;
}

/** Whether the request is a button of the account page. */
function isOfAccount({ method, path }: Request): boolean {
  return method === 'POST' && /^\/(?:sessions|identities|keys|orgs|accept-invitation)\b/.test(path);
}

/** Where a refusal is settled. */
const detours: ReadonlyMap<AuthError['code'], string> = new Map<AuthError['code'], string>([
  ['PASSWORD_CHANGE_REQUIRED', '/change-password'],
]);

/** Sends a browser that has to sign in first, or to change a temporary password, to the page for that, and from there back. */
export function forSignedIn(page: Endpoint): Endpoint {
  return async function handleForSignedIn(req, res) {
    try {
      await page(req, res);
    } catch (error) {
      if (!(error instanceof AuthError) || !isPageRequest(req)) throw error;
      const detour = detours.get(error.code) ?? (error.status === 401 ? '/signin' : undefined);
      if (detour === undefined) throw error;
      const returnTo = placeOf(req, ownPath(req, req.url));
      redirectWithin(res, withParameters(ownPath(req, detour), { returnTo }));
    }
  };
}
