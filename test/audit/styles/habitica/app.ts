import type { Application } from 'express';
import { type Parts, passing } from '../parts.js';
import { walkControllers } from './walk-controllers.js';

/** As Habitica has it: controllers are objects in a folder, and version 4 is version 3 but for what it overrides. */
export async function createApp(parts: Parts): Promise<Application> {
  const { auth, express } = parts;
  const v3 = express.Router();
  await walkControllers(v3, parts, { version: 'v3' });
  const v4 = express.Router();
  await walkControllers(v4, parts, { version: 'v3', overridden: ['GET-/tasks/user'] });
  await walkControllers(v4, parts, { version: 'v4' });

  const app = express();
  app.use(passing, passing);
  app.use('/api/v3', passing, v3);
  app.use('/api/v4', passing, v4);
  app.use(/^\/(?!api)/, (_req, res, next) => {
    res.setHeader('Cache-Control', 'no-store');
    next();
  });
  app.get(/^\/(?:static|home)(?:\/.*)?$/, (_req, res) => void res.end());
  app.use(auth.errorHandler());
  return app;
}
