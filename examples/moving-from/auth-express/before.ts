import { ExpressAuth, type ExpressAuthConfig, getSession } from '@auth/express';
import express, { type Express, type RequestHandler } from 'express';
import { createProfile, showHome, userOf } from './profile.js';

/** Log-in with Auth.js. `config` has the providers and the secret. */
export function createApp(config: ExpressAuthConfig): Express {
  const app = express();
  const whole = { callbacks, trustHost: true, ...config };
  app.use('/auth', ExpressAuth(whole)); // '/auth/*', as in Express 4, is not understood with Express 5
  app.use(async (req, res, next) => {
    res.locals.session = await getSession(req, whole);
    next();
  });
  app.get('/', showHome);
  app.get('/api/me', (_req, res) => {
    if (res.locals.session) res.json({ id: userOf(res).id });
    else res.status(401).json({ error: 'Unauthorized' });
  });
  app.use(authenticatedUser, createProfile());
  return app;
}

export const authenticatedUser: RequestHandler = (req, res, next) => {
  if (res.locals.session?.user) return next();
  res.redirect(`/auth/signin?${new URLSearchParams({ callbackUrl: req.originalUrl }).toString()}`);
};

/** Without a database the id of a user is a new one at each sign-in, unless the provider's is put into the token. */
export const callbacks: NonNullable<ExpressAuthConfig['callbacks']> = {
  jwt: ({ token, account }) => (account ? { ...token, sub: account.providerAccountId } : token),
  session: ({ session, token }) => ({ ...session, user: { ...session.user, id: token.sub ?? '' } }),
};
