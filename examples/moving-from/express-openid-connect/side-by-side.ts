import express, { type Express, type RequestHandler } from 'express';
import { auth as oldSessions, type ConfigParams } from 'express-openid-connect';
import { type Auth, optionalPrincipalOf, principalOf } from 'latchkey';
import { likeOidc } from './after.js';
import { createRoutes, WISHES } from './before.js';

/** Users sign in with Latchkey. Routes move one by one; the others don't notice, and old sessions go on until they end. */
export function createApp(auth: Auth, config: ConfigParams): Express {
  const app = express();
  const onlyReading = { login: false, logout: false, callback: false } as const;
  app.use(oldSessions({ ...WISHES, ...config, routes: onlyReading }));
  app.use(auth.optionalAuth({ sessionCookie: true }), eitherSession);

  // Moved. Who has an old session comes back signed in, and is asked nothing while the provider remembers them.
  app.get('/account', auth.requireAuth({ redirect: '/login' }), (req, res) => {
    res.json({ username: principalOf(req).user.username });
  });

  // Not yet moved: everything else, untouched.
  app.use(createRoutes());
  app.use(auth.router());
  app.use(auth.errorHandler());
  return app;
}

const eitherSession: RequestHandler = (req, res, next) => {
  // `requiresAuth()` signs in with Latchkey.
  res.oidc.login = async () => {
    res.redirect(`/login?${new URLSearchParams({ returnTo: req.originalUrl }).toString()}`);
  };
  if (optionalPrincipalOf(req)) {
    Object.assign(req, { appSession: undefined }); // the new session has replaced it
    likeOidc(req, res, next);
  } else if (req.path === '/logout' && req.oidc.isAuthenticated()) void res.oidc.logout();
  else next();
};
