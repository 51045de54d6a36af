import type { RequestHandler, Response } from 'express';
import { type Auth, optionalPrincipalOf } from 'latchkey';
import { userOf } from './notes.js';

/**
 * Gives who has a session of express-session one of Latchkey's, with the next page they open, and ends the former. Behind
 * `passport.session()` and `auth.optionalAuth({ sessionCookie: true })`, before `likePassport`.
 */
export function takeOver(auth: Auth): RequestHandler {
  return async (req, res, next) => {
    const isPage = req.method === 'GET' && req.headers['sec-fetch-mode'] === 'navigate';
    if (!isPage || !req.user || optionalPrincipalOf(req)) return next();
    const user = await auth.users.findById(String(userOf(req).id));
    if (!user || user.disabled) return next();
    // What else is in the session, such as a basket, stays; its id changes.
    await new Promise<void>((resolve, reject) => {
      req.logout({ keepSessionInfo: true }, (error) => (error ? reject(error) : resolve()));
    });
    await setSessionCookie(auth, res, user);
    res.redirect(303, req.originalUrl);
  };
}

type User = Parameters<Auth['sessions']['start']>[0];

/** When the user gave the password is not known: nothing that demands a fresh sign-in takes this session. */
async function setSessionCookie({ sessions, config }: Auth, res: Response, user: User) {
  const unknown = { amr: [], authTime: undefined, acr: undefined, device: undefined };
  const { session, refreshToken } = await sessions.start(user, { ...unknown, delivery: 'cookie' });
  const secure = config.publicUrl?.startsWith('https:') ?? false;
  res.cookie(`${secure ? '__Host-' : ''}${config.cookieName}-session`, refreshToken, {
    ...{ httpOnly: true, sameSite: 'lax', path: '/', secure },
    maxAge: session.expiresAt - Date.now(),
  });
}
