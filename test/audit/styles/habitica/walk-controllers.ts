import { readdirSync } from 'node:fs';
import type { RequestHandler, Router } from 'express';
import { type Parts, passing } from '../parts.js';
import type { Action, Controller } from './action.js';

interface Versioned {
  readonly version: string;
  /** Routes of an older version that the newer one has itself, as `GET-/status`. */
  readonly overridden?: readonly string[];
}

interface ControllerFile {
  readonly controller: Controller;
}

/** Adds a route for every action in the files of a folder. */
export async function walkControllers(
  router: Router,
  parts: Parts,
  { version, overridden = [] }: Versioned,
): Promise<void> {
  const folder = new URL(`controllers/${version}/`, import.meta.url);
  for (const file of readdirSync(folder).toSorted()) {
    const { controller } = (await import(new URL(file, folder).href)) as ControllerFile;
    for (const action of Object.values(controller(parts)))
      if (!overridden.includes(`${action.method}-${action.url}`)) addAction(router, action);
  }
}

function addAction(router: Router, { method, url, middlewares = [], handler }: Action): void {
  const atAuth = middlewares.findIndex(({ name }) => name.startsWith('requireAuth'));
  const all = middlewares.toSpliced(atAuth + 1, 0, passing);
  const route = router.route(url);
  if (method === 'GET') route.get(...all, catching(handler));
  if (method === 'POST') route.post(...all, catching(handler));
  if (method === 'DELETE') route.delete(...all, catching(handler));
}

/** It names none of its arguments, so that nothing tells whether it passes requests on. */
function catching(handler: Action['handler']): RequestHandler {
  return (...args) => void handler(...args).catch(args[2]);
}
