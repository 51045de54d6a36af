import express, { type Express, type RequestHandler } from 'express';
import { type Auth, type AuthOptions, optionalPrincipalOf } from 'latchkey';
import { createProfile, showHome, userOf } from './profile.js';

/** The same with Latchkey: same addresses, the callback that is registered at the provider included. */
export function createApp(auth: Auth): Express {
  const app = express();
  app.use(auth.optionalAuth({ sessionCookie: true }), likeAuthjs);
  app.get('/auth/session', answerAsBefore);
  app.use('/auth', formerNames, auth.router());
  app.get('/', showHome);
  app.get('/api/me', auth.requireAuth({ sessionCookie: true }), (_req, res) => {
    res.json({ id: userOf(res).id });
  });
  app.use(auth.requireAuth({ redirect: true }), createProfile());
  app.use(auth.errorHandler());
  return app;
}

/** `GET /auth/session` for pages that were written for Auth.js, in the place of Latchkey's own. */
export const answerAsBefore: RequestHandler = (_req, res) => {
  res.set('Cache-Control', 'private, no-cache, no-store').json(res.locals.session ?? null);
};

/** Links to the pages of Auth.js go on working. */
export const formerNames: RequestHandler = (req, _res, next) => {
  req.url = req.url
    .replace(/^\/signin\/(?=[\w-])/, '/login/')
    .replace(/^\/signout(?=$|\?)/, '/logout')
    .replace(/([?&])callbackUrl=/, '$1returnTo=');
  next();
};

/** For `createAuth()`: keeps what the application's data is filed under, and what its pages show. */
export const provision: NonNullable<AuthOptions['provision']> = ({ subject, claims }) => {
  const shown = Object.entries({ name: claims['name'], image: claims['picture'] });
  const texts = shown.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { attributes: { ...Object.fromEntries(texts), providerAccountId: subject } };
};

/** `res.locals.session` for handlers that were written for Auth.js. Behind `optionalAuth()`. */
export const likeAuthjs: RequestHandler = (req, res, next) => {
  const { user, expiresAt } = optionalPrincipalOf(req) ?? {};
  const { name = user?.username, image, providerAccountId: id } = user?.attributes ?? {};
  const expires = new Date((expiresAt ?? 0) * 1000).toISOString();
  if (user) res.locals.session = { user: { id, name, image, email: user.email }, expires };
  next();
};
