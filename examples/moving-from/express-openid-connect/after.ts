import express, { type Express, type RequestHandler } from 'express';
import { type Auth, type AuthOptions, optionalPrincipalOf, principalOf } from 'latchkey';
import { createColours } from './colours.js';
import { homePage, profilePage } from './pages.js';

/** The same with Latchkey: same addresses, the callback that is registered at the provider included. */
export function createApp(auth: Auth): Express {
  const app = express();
  const colours = createColours();
  app.use(auth.optionalAuth({ sessionCookie: true }), likeOidc);

  app.get('/', (req, res) => void res.send(homePage(req.oidc.isAuthenticated())));
  app.get('/join', colours.join);
  app.get('/profile', auth.requireAuth({ redirect: '/login' }), (req, res) => {
    const { email, attributes } = principalOf(req).user;
    res.send(profilePage(email, colours.of(attributes['sub'])));
  });
  const guard = auth.requireAuth({ sessionCookie: true });
  app.post('/colour', guard, express.urlencoded({ extended: false }), colours.save);
  app.get('/api/me', guard, colours.me);

  // Last, since it is at the root: /login, /callback and /logout are where they were.
  app.use(auth.router());
  app.use(auth.errorHandler());
  return app;
}

/** For `createAuth()`: keeps the provider's `sub`, which the application's data is filed under, and the name. */
export const provision: NonNullable<AuthOptions['provision']> = ({ subject, claims }) => ({
  attributes: { sub: subject, ...(typeof claims['name'] === 'string' && { name: claims['name'] }) },
});

/** `req.oidc` and `res.oidc` for handlers that were written for express-openid-connect. Behind `optionalAuth()`. */
export const likeOidc: RequestHandler = (req, res, next) => {
  const { user } = optionalPrincipalOf(req) ?? {};
  const claims = user && { ...user.attributes, email: user.email, nickname: user.username };
  const isAuthenticated = () => claims !== undefined;
  Object.assign(req, {
    oidc: { isAuthenticated, user: claims, fetchUserInfo: async () => claims },
  });
  Object.assign(res, {
    oidc: {
      login: async ({ returnTo = req.originalUrl } = {}) =>
        res.redirect(`/login?${new URLSearchParams({ returnTo }).toString()}`),
      logout: async () => res.redirect('/logout'), // which asks
    },
  });
  next();
};
