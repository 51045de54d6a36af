import type { Request, RequestHandler } from 'express';
import { AuthError } from '../errors.js';
import type { Endpoint } from './respond.js';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** Endpoints by path and method. A part of a path that begins with `:` is handed over in `req.params`. */
export type Routes = Readonly<Record<string, Partial<Record<Method, Endpoint>>>>;

interface Route {
  readonly parts: readonly string[];
  readonly endpoints: ReadonlyMap<string, Endpoint>;
}

export interface RouteTable {
  /** Whether a path is one of the routes, by whatever method. */
  readonly knows: (path: string) => boolean;
  readonly handle: RequestHandler;
}

/**
 * Finds the endpoint of a request. Paths have one spelling: no other case, no slash at the end. A known path
 * with another method is METHOD_NOT_ALLOWED (405); an unknown one goes on to the application. Express' own router
 * would make Express a dependency at run time.
 */
export function routeTable(routes: Routes): RouteTable {
  const table = Object.entries(routes).map(([path, endpoints]): Route => {
    const byMethod = new Map<string, Endpoint>(Object.entries(endpoints));
    const read = endpoints.GET;
    if (read) byMethod.set('HEAD', read);
    return { parts: path.split('/'), endpoints: byMethod };
  });
  const find = (given: readonly string[]): Route | undefined =>
    table.find(({ parts }) => fits(given, parts));
  const handle: RequestHandler = function authRoutes(req, res, next) {
    const given = req.path.split('/');
    const route = find(given);
    const endpoint = route?.endpoints.get(req.method);
    if (!route) next();
    else if (!endpoint)
      next(new AuthError('METHOD_NOT_ALLOWED', { allow: [...route.endpoints.keys()] }));
    else {
      req.params = parametersOf(given, route.parts);
      // Express 4 doesn't wait for a handler's promise.
      endpoint(req, res).catch(next);
    }
  };
  return { knows: (path) => find(path.split('/')) !== undefined, handle };
}

function fits(given: readonly string[], parts: readonly string[]): boolean {
  return (
    given.length === parts.length &&
    parts.every((part, at) => (part.startsWith(':') ? given[at] !== '' : part === given[at]))
  );
}

function parametersOf(given: readonly string[], parts: readonly string[]): Request['params'] {
  const named = parts.flatMap((part, at) =>
    part.startsWith(':') ? [[part.slice(1), decode(given[at] ?? '')] as const] : [],
  );
  return Object.fromEntries(named);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // No id looks like this, so nothing is found under it.
    return part;
  }
}
