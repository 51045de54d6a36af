import express, { type Express, type RequestHandler, type Router } from 'express';
import { type Auth, optionalPrincipalOf, principalOf } from 'latchkey';
import { createNotes, userOf } from './notes.js';
import { homePage, loginPage } from './pages.js';

/** The same with Latchkey: same addresses, same form. */
export function createApp(auth: Auth): Express {
  const app = express();
  app.use(signingIn(auth));
  app.use(auth.optionalAuth({ sessionCookie: true }), likePassport);
  app.get('/', (req, res) => {
    res.send(homePage(req.isAuthenticated() ? userOf(req).username : undefined));
  });
  app.use('/notes', auth.requireAuth({ redirect: '/login' }), createNotes());
  app.get('/api/me', auth.requireAuth({ sessionCookie: true }), (req, res) => {
    res.json({ username: principalOf(req).user.username });
  });
  app.use(auth.errorHandler());
  return app;
}

export function signingIn(auth: Auth): Router {
  const routes = express.Router();
  routes.get('/login', (req, res) => {
    res.send(loginPage('', typeof req.query.returnTo === 'string' ? req.query.returnTo : '/'));
  });
  routes.post('/login/password', (req, _res, next) => {
    req.url = '/api/auth/signin'; // takes the fields username, password and returnTo
    next();
  });
  routes.use('/api/auth', auth.router());
  routes.post('/logout', auth.optionalAuth({ sessionCookie: true }), async (req, res) => {
    const { sessionId } = optionalPrincipalOf(req) ?? {};
    if (sessionId !== undefined) await auth.sessions.revoke({ id: sessionId }, 'logout');
    res.redirect('/');
  });
  return routes;
}

/** `req.user` and `req.isAuthenticated()`, for handlers that were written for passport. Behind `optionalAuth()`. */
export const likePassport: RequestHandler = (req, _res, next) => {
  const { user } = optionalPrincipalOf(req) ?? {};
  if (user) Object.assign(req, { user: { id: Number(user.id), username: user.username } });
  Object.assign(req, { isAuthenticated: () => req.user !== undefined });
  next();
};
