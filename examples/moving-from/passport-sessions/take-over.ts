import type { RequestHandler, Response } from 'express';
import { type Auth, type LiveSession, optionalPrincipalOf } from 'latchkey';
import { importUser } from './import-users.js';
import { userOf } from './notes.js';
import type { UserTable } from './users.js';

/**
 * Gives who has a session of express-session one of Latchkey's, with the next page they open, and ends the former. Behind
 * `passport.session()` and `auth.optionalAuth({ sessionCookie: true })`, before `likePassport`. Imports who has signed up since the import.
 */
export function takeOver(auth: Auth, users: UserTable): RequestHandler {
  return async (req, res, next) => {
    const isPage = req.method === 'GET' && req.headers['sec-fetch-mode'] === 'navigate';
    if (!isPage || !req.user || optionalPrincipalOf(req)) return next();
    const row = users.findById(userOf(req).id);
    const user = row && (await importUser(row, auth));
    if (!user || user.disabled) return next();
    // When the password was given is not known, so nothing that demands a fresh sign-in takes this session.
    const unknown = { amr: [], authTime: undefined, acr: undefined, device: undefined };
    const live = await auth.sessions.start(user, { ...unknown, delivery: 'cookie' });
    // What else is in the old session, such as a basket, stays; its id changes.
    await new Promise<void>((resolve, reject) => {
      req.logout({ keepSessionInfo: true }, (error) => (error ? reject(error) : resolve()));
    });
    setSessionCookie(auth, res, live);
    // `//evil.example/` would be another host.
    res.redirect(303, req.originalUrl.replace(/^[/\\]+/, '/'));
  };
}

/** With the name and the attributes that Latchkey's own sign-in gives it. */
function setSessionCookie({ config }: Auth, res: Response, { session, refreshToken }: LiveSession) {
  const secure = config.publicUrl?.startsWith('https:') ?? false;
  res.cookie(`${secure ? '__Host-' : ''}${config.cookieName}-session`, refreshToken, {
    ...{ httpOnly: true, sameSite: 'lax', path: '/', secure },
    maxAge: session.expiresAt - Date.now(),
  });
}
