import type { Request, Response } from 'express';
import { hasToChangePassword } from '../accounts/temporary-password.js';
import { isNavigation } from '../http/cross-site.js';
import { redirectWithin, withParameters } from '../http/redirects.js';
import { ownPath } from './own-urls.js';
import type { LiveSession } from '../sessions/sessions.js';
import type { RouterParts } from './parts.js';
import type { Exchange } from './request-body.js';

type CookieParts = Pick<RouterParts, 'cookies' | 'now'>;

/**
 * Puts the session's refresh token where scripts cannot read it. The cookie lives as long as the session can; that an
 * unused session ends earlier stands in its row, so that using it need not set the cookie anew.
 */
export function setSessionCookie(
  { cookies, now }: CookieParts,
  res: Response,
  { session, refreshToken }: LiveSession,
): void {
  cookies.set(res, 'session', {
    value: refreshToken,
    maxAgeSeconds: Math.ceil((session.expiresAt - now()) / 1000),
  });
}

/** The page for users who must change their password first. */
export function changePasswordPath(req: Request, returnTo: string): string {
  return withParameters(ownPath(req, '/change-password'), { returnTo });
}

/**
 * Sends a browser on that has signed in: with the session's cookie, to a place on our own origin, by way of a new password where the
 * present one is temporary.
 */
export function redirectSignedIn(
  parts: CookieParts & Pick<RouterParts, 'config'>,
  res: Response,
  { live, returnTo }: { readonly live: LiveSession; readonly returnTo: string },
): void {
  setSessionCookie(parts, res, live);
  redirectWithin(
    res,
    hasToChangePassword(live.user, parts.config) ? changePasswordPath(res.req, returnTo) : returnTo,
  );
}

/**
 * Returns the session cookies that a sign-in is to replace. Throws INVALID_REQUEST (400) for two that differ, but not to a
 * person with a page, who could do nothing about it: there a sign-in replaces both.
 */
export function formerSessions(
  { cookies }: Pick<RouterParts, 'cookies'>,
  { req, res }: Exchange,
): readonly string[] {
  if (isNavigation(req)) return cookies.settle(req, res, 'session');
  return [cookies.read(req, 'session') ?? []].flat();
}

/**
 * Returns the session cookie of a browser that shows a page. Of two that differ neither counts, and both are removed: the
 * person signs in again and has one.
 */
export function pageSession(
  { cookies }: Pick<RouterParts, 'cookies'>,
  { req, res }: Exchange,
): string | undefined {
  const [token, ...others] = cookies.settle(req, res, 'session');
  return others.length > 0 ? undefined : token;
}
