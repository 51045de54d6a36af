import type { Request, Response } from 'express';
import type { LiveSession } from '../sessions/sessions.js';
import type { RouterParts } from './parts.js';

/**
 * Puts the session's refresh token where scripts cannot read it. The cookie lives as long as the session can: that it
 * ends earlier when unused is for the session's row to know, so that using it need not set the cookie anew.
 */
export function setSessionCookie(
  { cookies, now }: Pick<RouterParts, 'cookies' | 'now'>,
  res: Response,
  { session, refreshToken }: Pick<LiveSession, 'session' | 'refreshToken'>,
): void {
  cookies.set(res, 'session', {
    value: refreshToken,
    maxAgeSeconds: Math.ceil((session.expiresAt - now()) / 1000),
  });
}

/**
 * Ends the session that the browser had before it signed in, when the new one is there. It may have been planted:
 * nothing of it goes on.
 */
export async function endFormerSession(
  { sessions, cookies }: RouterParts,
  req: Request,
  res: Response,
): Promise<void> {
  const token = cookies.read(req, 'session');
  if (token === undefined) return;
  const former = await sessions.find(token);
  if (former) await sessions.revoke({ id: former.id }, 'replaced');
  cookies.clear(res, 'session');
}
