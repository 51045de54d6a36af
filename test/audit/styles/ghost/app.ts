import type { Application } from 'express';
import { answer, type Parts, passing } from '../parts.js';
import { adminRoutes } from './admin-routes.js';
import { membersApp } from './members-app.js';

/** As Ghost has it: an application for each kind of caller, mounted in others. */
export function createApp(parts: Parts): Application {
  const { auth, express } = parts;
  const api = express();
  api.use(passing);
  api.use(adminRoutes(parts));
  api.use((_req, _res, next) => next(new Error('not found')));
  api.use(auth.errorHandler());

  const backend = express();
  backend.use('/ghost/api/admin', api);
  backend.post('/ghost/sign-in/start', passing, answer);
  backend.use('/ghost', passing, auth.requireAuth(), express().get('/preview', answer));

  const frontend = express();
  frontend.use('/members', membersApp(parts));
  frontend.get('/', answer);

  const parent = express();
  parent.use(passing);
  parent.use(backend, frontend);
  parent.use(auth.errorHandler());
  return parent;
}
