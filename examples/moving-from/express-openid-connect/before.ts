import express, { type Express, type Router } from 'express';
import { auth, type ConfigParams, requiresAuth } from 'express-openid-connect';
import { createColours } from './colours.js';
import { homePage, profilePage } from './pages.js';

/** Log-in with express-openid-connect. `config` has issuer, client, base URL and secret, which often come from the environment. */
export function createApp(config: ConfigParams): Express {
  const app = express();
  app.use(auth({ ...WISHES, ...config }));
  app.use(createRoutes());
  return app;
}

export const WISHES: ConfigParams = {
  authRequired: false,
  idpLogout: true,
  authorizationParams: { response_type: 'code', scope: 'openid profile email' },
};

export function createRoutes(): Router {
  const routes = express.Router();
  const colours = createColours();
  routes.get('/', (req, res) => void res.send(homePage(req.oidc.isAuthenticated())));
  routes.get('/join', colours.join);
  routes.get('/profile', requiresAuth(), async (req, res) => {
    const { sub, email } = await req.oidc.fetchUserInfo();
    res.send(profilePage(email, colours.of(sub)));
  });
  routes.post('/colour', requiresAuth(), express.urlencoded({ extended: false }), colours.save);
  routes.get('/api/me', requiresAuth(), colours.me);
  return routes;
}
