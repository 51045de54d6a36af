import express, { type Express, type RequestHandler, type Router } from 'express';
import { type Auth, AuthError, optionalPrincipalOf, principalOf } from 'latchkey';
import { createNotes, userOf } from './notes.js';
import { homePage, loginPage, signUpPage } from './pages.js';

/** The same with Latchkey: same addresses, same forms. `nextId` makes the ids of new users, such as a sequence of the database. */
export function createApp(auth: Auth, nextId: () => Promise<number>): Express {
  const app = express();
  app.use(signingUp(auth, nextId), signingIn(auth));
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

function signingUp(auth: Auth, nextId: () => Promise<number>): Router {
  const routes = express.Router();
  const readForm = express.urlencoded({ extended: false });
  routes.get('/signup', (_req, res) => void res.send(signUpPage()));
  routes.post(
    '/signup',
    auth.sameOrigin({ requireJson: false }),
    readForm,
    async (req, res, next) => {
      const [username, password] = [String(req.body.username), String(req.body.password)];
      const user = { id: String(await nextId()), username };
      try {
        await auth.passwords.checkPolicy(password, { user });
        await auth.users.create({ ...user, passwordHash: await auth.passwords.hash(password) });
        req.url = '/api/auth/signin'; // in the place of req.login()
        next();
      } catch (error) {
        if (!(error instanceof AuthError) || error.status >= 500) throw error;
        res.status(error.status).send(signUpPage(REASONS[error.code] ?? error.message));
      }
    },
  );
  return routes;
}

const REASONS: Readonly<Record<string, string>> = {
  CONFLICT: 'This name is taken.',
  PASSWORD_POLICY: 'Choose a longer password, which is hard to guess.',
};

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
