import { Router } from 'express';
import { type ApiKey, principalOf } from 'latchkey';
import type { AppParts } from './app-parts.js';
import { membersOf } from './json-object.js';
import { ownProject, resourceOf } from './one-project.js';
import { Refusal } from './refusal.js';

/** API keys of a project, for CI and bots. Only its owner makes and deletes them, with a token: no key makes another one. */
export function keyRoutes({ auth, projects }: AppParts): Router {
  const routes = Router();
  // A token lives for days. Here the store is asked whether its session does, too.
  const caller = auth.requireAuth({ methods: ['jwt'], checkSession: true });

  routes.get('/:id/keys', caller, async (req, res) => {
    ownProject(projects, req);
    const keys = await auth.apiKeys.list({ resource: resourceOf(req) });
    res.json({ keys: keys.map(present) });
  });
  routes.post('/:id/keys', caller, async (req, res) => {
    ownProject(projects, req);
    const { name, expiresInSeconds } = readKey(req.body);
    const created = await auth.apiKeys.create({
      owner: principalOf(req).subject,
      createdBy: principalOf(req).subject,
      resource: resourceOf(req),
      name,
      expiresInSeconds,
    });
    // The one answer that has the key: what is stored is a hash of it.
    res
      .status(201)
      .set('Cache-Control', 'no-store')
      .json({ key: created.key, ...present(created) });
  });
  routes.delete('/:id/keys/:key', caller, async (req, res) => {
    ownProject(projects, req);
    const key = await auth.apiKeys.find(String(req.params['key']));
    if (key?.resource !== resourceOf(req)) throw new Refusal(404, 'No such key');
    await auth.apiKeys.revoke(key.id);
    res.status(204).end();
  });
  return routes;
}

function present({ id, prefix, name, createdAt, expiresAt, lastUsedAt }: ApiKey) {
  return {
    id,
    prefix,
    name,
    created_at: time(createdAt),
    expires_at: time(expiresAt),
    last_used_at: time(lastUsedAt),
  };
}

function time(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : new Date(milliseconds).toISOString();
}

/** `{ name, expires_in? }`, in seconds. Latchkey judges the values, and refuses them with 400. */
function readKey(body: unknown): { name: string; expiresInSeconds: number | undefined } {
  const { name, expires_in: life } = membersOf(body);
  return {
    name: typeof name === 'string' ? name : '',
    expiresInSeconds: life === undefined || life === null ? undefined : Number(life),
  };
}
