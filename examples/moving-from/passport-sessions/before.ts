import express, { type Express, type RequestHandler } from 'express';
import session, { type SessionOptions } from 'express-session';
import { createNotes, userOf } from './notes.js';
import { homePage, loginPage, signUpPage } from './pages.js';
import { createPassport } from './passport.js';
import type { UserTable } from './users.js';

/** Log-in with passport, kept in express-session. `sessions` has the secret, and the store. */
export function createApp(users: UserTable, sessions: SessionOptions): Express {
  const app = express();
  const passport = createPassport(users);
  app.use(express.urlencoded({ extended: false }));
  app.use(session({ resave: false, saveUninitialized: false, ...sessions }));
  app.use(passport.session());

  app.get('/', (req, res) => {
    res.send(homePage(req.isAuthenticated() ? userOf(req).username : undefined));
  });
  app.get('/login', (req, res) => {
    const { messages = [] } = req.session;
    delete req.session.messages;
    res.send(loginPage(messages.join(' ')));
  });
  app.post(
    '/login/password',
    passport.authenticate('local', {
      successReturnToOrRedirect: '/',
      failureRedirect: '/login',
      failureMessage: true,
      keepSessionInfo: true, // or passport 0.6 and later lose `returnTo`
    }),
  );
  app.get('/signup', (_req, res) => void res.send(signUpPage()));
  app.post('/signup', async (req, res, next) => {
    const row = await users.add(String(req.body.username), String(req.body.password));
    if (row) req.login(row, (error) => (error ? next(error) : res.redirect('/')));
    else res.status(409).send(signUpPage('This name is taken.'));
  });
  app.post('/logout', (req, res, next) => {
    req.logout((error) => (error ? next(error) : res.redirect('/')));
  });

  app.use('/notes', ensureLoggedIn, createNotes());
  app.get('/api/me', (req, res) => {
    if (req.isAuthenticated()) res.json({ username: userOf(req).username });
    else res.status(401).json({ error: 'Unauthorized' });
  });
  return app;
}

const ensureLoggedIn: RequestHandler = (req, res, next) => {
  if (req.isAuthenticated()) return next();
  req.session.returnTo = req.originalUrl;
  res.redirect('/login');
};

declare module 'express-session' {
  interface SessionData {
    returnTo: string;
    messages: string[];
  }
}
