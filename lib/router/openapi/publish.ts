import { loadOnce } from '../../loading/load-once.js';
import { ownPath } from '../own-urls.js';
import type { Endpoint } from '../respond.js';
import type { Routes } from '../route-table.js';
import type { DocumentParts } from './parts.js';

/** Adds `GET /openapi.json`, which describes the routes and itself. */
export function withOpenapi(parts: DocumentParts, routes: Routes): Routes {
  const all: Routes = {
    ...routes,
    '/openapi.json': { GET: publishOpenapi(parts, () => routeNames(all)) },
  };
  return all;
}

/** Methods and paths, `GET /users/:id`. */
function routeNames(routes: Routes): readonly string[] {
  return Object.entries(routes).flatMap(([path, endpoints]) =>
    Object.keys(endpoints).map((method) => `${method} ${path}`),
  );
}

/**
 * Sends the router's OpenAPI document. It is made at the first request, and public like the keys: it tells which features are on, and no
 * secret. Caches ask with its ETag whether it is still the same.
 */
function publishOpenapi(parts: DocumentParts, routes: () => readonly string[]): Endpoint {
  const make = loadOnce(async () => {
    const { createDocument } = await import('./document.js');
    return JSON.stringify(createDocument(parts, routes()));
  });
  return async function handleOpenapi(req, res) {
    const document = await make();
    // Behind one pattern the router is at many paths. The rest is the same for all.
    const servers = [{ url: ownPath(req, '') || '/' }];
    const start = JSON.stringify({ openapi: '3.1.1', servers });
    res.setHeader('Cache-Control', 'no-cache');
    res.type('application/json').send(`${start.slice(0, -1)},${document.slice(1)}`);
  };
}
