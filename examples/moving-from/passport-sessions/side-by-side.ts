import express, { type Express } from 'express';
import session, { type SessionOptions } from 'express-session';
import { type Auth, optionalPrincipalOf, principalOf } from 'latchkey';
import { likePassport, signingIn } from './after.js';
import { createApp as createBefore } from './before.js';
import { createPassport } from './passport.js';
import { takeOver } from './take-over.js';
import type { UserTable } from './users.js';

/** Users sign in and out with Latchkey. Routes move one by one; the others don't notice, and old sessions go on. */
export function createApp(auth: Auth, users: UserTable, sessions: SessionOptions): Express {
  const app = express();
  app.use(session({ resave: false, saveUninitialized: false, ...sessions }));
  app.use(createPassport(users).session());
  app.use(auth.optionalAuth({ sessionCookie: true }), takeOver(auth, users), likePassport);
  app.get('/login', (req, res, next) => {
    // Routes that have not moved keep the way back in the session.
    const { returnTo } = req.session;
    if (returnTo === undefined) return next();
    delete req.session.returnTo;
    res.redirect(`/login?${new URLSearchParams({ returnTo }).toString()}`);
  });
  app.post('/logout', (req, _res, next) => {
    // A page from before the change ends the old session, or the next one would take it over.
    if (optionalPrincipalOf(req)) next();
    else req.logout(next);
  });
  app.use(signingIn(auth));

  // Moved:
  app.get('/api/me', auth.requireAuth({ sessionCookie: true }), (req, res) => {
    res.json({ username: principalOf(req).user.username });
  });
  app.use(auth.errorHandler());

  // Not yet moved: everything else, untouched.
  app.use(createBefore(users, sessions));
  return app;
}
