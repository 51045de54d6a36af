import type { Response } from 'express';
import { redirectWithin } from '../http/redirects.js';
import type { LiveSession } from '../sessions/sessions.js';
import type { RouterParts } from './parts.js';

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

/** Sends a browser on that has signed in: with the session's cookie, to a place on our own origin. */
export function redirectSignedIn(
  parts: CookieParts,
  res: Response,
  { live, returnTo }: { readonly live: LiveSession; readonly returnTo: string },
): void {
  setSessionCookie(parts, res, live);
  redirectWithin(res, returnTo);
}
