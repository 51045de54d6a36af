import { factsOf } from '../audit/guard-facts.js';
import { type Handler, mountedApplication, readRouter, stackOf } from '../audit/layers.js';
import { auditRoutes } from '../audit/route-table.js';
import type { AuditedRoute } from '../audit/route.js';
import type { InspectedApplication } from './check.js';

/** Those of Express. What NestJS calls between its routes and our guards hides the guards. */
export function expressApps({ apps }: InspectedApplication): readonly unknown[] {
  return apps.filter((app) => stackOf(app));
}

export function routesOf(application: InspectedApplication): readonly AuditedRoute[] {
  return expressApps(application).flatMap(auditRoutes);
}

/** A router may be mounted below itself. */
const DEEPEST = 20;

/** Every middleware and handler of applications, of their routers and of the applications in them. */
export function handlersOf(application: InspectedApplication): readonly Handler[] {
  return expressApps(application).flatMap((app) => handlersIn(app, 0));
}

function handlersIn(app: unknown, depth: number): readonly Handler[] {
  const layers = depth < DEEPEST ? (readRouter(app)?.layers ?? []) : [];
  return layers.flatMap(({ handle, route }) => {
    if (route) return route.map((each) => each.handle);
    const inner = factsOf(handle) ? undefined : (mountedApplication(handle) ?? handle);
    return [handle, ...handlersIn(inner, depth + 1)];
  });
}
