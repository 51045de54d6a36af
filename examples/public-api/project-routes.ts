import { Router } from 'express';
import { optionalPrincipalOf, principalOf } from 'latchkey';
import type { AppParts } from './app-parts.js';
import { ownProject, resourceOf, visibleProject } from './one-project.js';
import { present, readChange, readProject } from './project-json.js';

/** Projects: public ones for everybody, private ones for their owner, who comes with a token or with a project's API key. */
export function projectRoutes({ auth, projects, lenient }: AppParts): Router {
  const routes = Router();

  routes.get('/', auth.optionalAuth({ lenient }), (req, res) => {
    res.json(projects.visibleTo(optionalPrincipalOf(req)?.subject).map(present));
  });
  routes.get('/mine', auth.requireAuth(), (req, res) => {
    res.json(projects.ownedBy(principalOf(req).subject).map(present));
  });
  routes.post('/', auth.requireAuth(), (req, res) => {
    const { subject: ownerId, user } = principalOf(req);
    const project = { ...readProject(req.body), ownerId, owner: user.username ?? ownerId };
    res.status(201).json(present(projects.add(project)));
  });

  // A key that was made for one project opens the routes of that project, and no other route.
  const visitor = auth.optionalAuth({ resource: resourceOf, lenient });
  const caller = auth.requireAuth({ resource: resourceOf });

  routes.get('/:id', visitor, (req, res) => {
    res.json(present(visibleProject(projects, req)));
  });
  routes.get('/:id/docs', visitor, (req, res) => {
    res.json({ docs: visibleProject(projects, req).docs });
  });
  routes.get('/:id/addresses', visitor, (req, res) => {
    res.json({ addresses: visibleProject(projects, req).addresses });
  });
  routes.patch('/:id', caller, (req, res) => {
    const project = ownProject(projects, req);
    res.json(present(projects.change(project, readChange(req.body))));
  });
  routes.put('/:id', caller, (req, res) => {
    const project = ownProject(projects, req);
    res.json(present(projects.change(project, readProject(req.body))));
  });
  routes.delete('/:id', caller, async (req, res) => {
    const project = ownProject(projects, req);
    const keys = await auth.apiKeys.list({ resource: resourceOf(req) });
    await Promise.all(keys.map(({ id }) => auth.apiKeys.revoke(id)));
    projects.remove(project.id);
    res.status(204).end();
  });
  return routes;
}
