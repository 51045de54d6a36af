import path from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Express } from 'express';
import type { AppParts } from './app-parts.js';
import { keyRoutes } from './key-routes.js';
import { projectRoutes } from './project-routes.js';
import { flatErrors, Refusal } from './refusal.js';

/** A public API: log-in with GitHub at /auth, projects at /api, and a page for both. */
export function createApp(parts: AppParts): Express {
  const { auth } = parts;
  const app = express();
  app.use(auth.securityHeaders({ preset: 'web' }));
  app.use('/auth', auth.router());
  app.use('/api/projects', express.json(), keyRoutes(parts), projectRoutes(parts));
  // Where there is nothing, Express would answer clients with HTML.
  app.use('/api', () => {
    throw new Refusal(404, 'No such address');
  });

  app.use(express.static(path.join(import.meta.dirname, 'public')));
  // The browser's part of Latchkey: modules that need no bundler.
  const client = fileURLToPath(import.meta.resolve('latchkey/client'));
  app.use('/client', express.static(path.dirname(client)));

  // The body that clients know: { "error": "Unauthorized", "message": "…" }.
  app.use(auth.errorHandler({ format: 'flat' }));
  app.use(flatErrors);
  return app;
}
