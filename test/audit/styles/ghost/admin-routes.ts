import type { RequestHandler, Router } from 'express';
import { answer, type Parts, passing } from '../parts.js';

/** One router for the whole API. What protects a route is one of three arrays. */
export function adminRoutes({ auth, express, isFour }: Parts): Router {
  const publicAdminApi = [passing, passing];
  const authAdminApi = [auth.requireAuth(), auth.requireRoles('staff'), passing, passing];
  const authOwnerApi = [auth.requireAuth(), auth.requireRoles('owner'), passing];

  const router = express.Router();
  router.use(passing);
  router.get('/site', publicAdminApi, answer);
  router.get('/posts', authAdminApi, answer);
  router.post('/posts', authAdminApi, answer);
  router.post('/posts/upload', authAdminApi, passing, [passing, passing], answer);
  // Planted: the array of public routes.
  router.put('/posts/bulk', publicAdminApi, answer);
  router.get('/posts/:id', authAdminApi, answer);
  router.delete('/posts/:id', authAdminApi, answer);
  router.put('/users/owner', authOwnerApi, answer);

  // Guarded as a route, since the router within doesn't see its own path.
  const fields = express.Router();
  const below = isFour ? '/members/fields/*' : '/members/fields/*rest';
  router.all(['/members/fields', below], authAdminApi);
  router.use('/members/fields', fields);
  fields.get('/:namespace', answer);
  fields.use(passing);
  fields.post('/:namespace', answer);

  router.get('/members/:id', authAdminApi, answer);
  // Planted: the array stands behind the handler.
  const remove: RequestHandler = (_req, res) => void res.end();
  router.delete('/members/:id', remove, authAdminApi);
  return router;
}
