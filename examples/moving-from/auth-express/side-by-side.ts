import { ExpressAuth, type ExpressAuthConfig, getSession } from '@auth/express';
import express, { type Express } from 'express';
import { type Auth, optionalPrincipalOf, principalOf } from 'latchkey';
import { answerAsBefore, formerNames, likeAuthjs } from './after.js';
import { authenticatedUser, callbacks } from './before.js';
import { createProfile, showHome } from './profile.js';

const OLD_COOKIE = /(?:^|; ?)((?:__Secure-)?authjs\.session-token(?:\.\d+)?)=/g;

/** Users sign in with Latchkey. Routes move one by one; the others don't notice, and old sessions go on until they end. */
export function createApp(auth: Auth, config: ExpressAuthConfig): Express {
  const app = express();
  const whole = { callbacks, trustHost: true, ...config };
  const oldAuth = ExpressAuth(whole);
  app.use(auth.optionalAuth({ sessionCookie: true }), likeAuthjs, async (req, res, next) => {
    if (!optionalPrincipalOf(req)) res.locals.session = await getSession(req, whole);
    // The new session has replaced the old one.
    else
      for (const [, name = ''] of (req.headers.cookie ?? '').matchAll(OLD_COOKIE))
        res.clearCookie(name, { secure: name.startsWith('__Secure-') });
    next();
  });
  app.use('/auth', (req, res, next) => {
    const isOld = res.locals.session && !optionalPrincipalOf(req);
    if (req.path === '/signout' && isOld) void oldAuth(req, res, next);
    else next();
  });
  app.get('/auth/session', answerAsBefore);
  app.use('/auth', formerNames, auth.router());

  // Moved. Who has an old session signs in at the provider, and is asked nothing while it remembers them.
  app.get('/account', auth.requireAuth({ redirect: '/auth/login/corp' }), (req, res) => {
    res.json({ username: principalOf(req).user.username });
  });

  // Not yet moved, with the guard of before.
  app.get('/', showHome);
  app.use(authenticatedUser, createProfile());
  app.use(auth.errorHandler());
  return app;
}
