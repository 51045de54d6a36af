import type { Application } from 'express';
import { answer, type Parts, passing } from '../parts.js';

/** Readers of a site. A webhook stands before what parses bodies. */
export function membersApp({ auth, express }: Parts): Application {
  const loadSession = auth.optionalAuth();
  const app = express();
  app.use(passing);
  app.post('/webhooks/payments', passing, answer);
  app.get('/api/member', loadSession, answer);
  app.put('/api/member', passing, auth.requireAuth(), answer);
  app.post('/api/feedback', passing, passing, loadSession, auth.requireAuth(), answer);
  // Planted: another route of the same path has the guard.
  app.delete('/api/member', passing, answer);

  const comments = express.Router();
  comments.use(passing, loadSession);
  comments.get('/', answer);
  comments.post('/', auth.requireAuth(), answer);
  app.use('/api/comments', comments);
  app.use('/api/announcement', passing, loadSession, express.Router().get('/', answer));
  app.use('/api', (_req, _res, next) => next(new Error('not found')));
  return app;
}
