import { factsOf } from './guard-facts.js';
import { judgeRoute } from './judge-route.js';
import {
  endsRequest,
  type Handler,
  type Layer,
  layersOf,
  mountedApplication,
  type RouteHandler,
} from './layers.js';
import { isOnTheWay, joinPaths } from './paths.js';
import type { AuditedRoute, Passage, Step, Surroundings } from './route.js';

/**
 * Lists the routes of an Express application (4 or 5), of its routers and of the applications in it, with what stands before each.
 * Runs none of its code. Throws a TypeError for anything else.
 */
export function auditRoutes(app: unknown): readonly AuditedRoute[] {
  const layers = layersOf(app);
  if (!layers)
    throw new TypeError(
      'auth.routes() and auth.openapiSecurity() take an application or a router of Express 4 or 5',
    );
  const walk: Walk = { middlewares: [], passages: [], routers: 0 };
  walkLayers(layers, { prefix: '', routers: [0] }, walk);
  return walk.passages.map((passage) => judgeRoute(passage, walk.middlewares));
}

interface Walk {
  /** In the order in which a request meets them. */
  readonly middlewares: Step[];
  readonly passages: Passage[];
  /** How many routers there are. */
  routers: number;
}

/** A router may be mounted below itself. */
const DEEPEST = 20;

function walkLayers(layers: readonly Layer[], within: Surroundings, walk: Walk): void {
  for (const layer of layers)
    for (const relative of layer.paths) {
      const path = joinPaths(within.prefix, relative);
      if (layer.route) addRoute(layer.route, { within, path }, walk);
      else addMounted(layer.handle, { within, path }, walk);
    }
}

type Place = Pick<Step, 'within' | 'path'>;

function addMounted(handle: Handler, place: Place, walk: Walk): void {
  const { within, path } = place;
  const facts = factsOf(handle);
  const step: Step = { ...place, handle, facts, exact: false, method: undefined };
  if (facts?.kind === 'authRouter') return addPassage('ALL', [step], walk);
  const inner = facts ? undefined : (layersOf(handle) ?? layersOf(mountedApplication(handle)));
  if (inner && within.routers.length < DEEPEST) {
    walk.routers += 1;
    return walkLayers(inner, { prefix: path, routers: [...within.routers, walk.routers] }, walk);
  }
  // At the root it is what answers when nothing else has: the page for 404.
  if (!facts && endsRequest(handle) && path !== '') addPassage('ALL', [step], walk);
  else walk.middlewares.push(step);
}

function addRoute(handlers: readonly RouteHandler[], place: Place, walk: Walk): void {
  const steps = handlers.map(({ handle, method }): Step => {
    return { ...place, handle, facts: factsOf(handle), exact: true, method };
  });
  // A middleware at one path: `app.all('/admin', auth.requireAuth())`.
  if (steps.every(({ facts }) => facts)) {
    walk.middlewares.push(...steps);
    return;
  }
  const named = new Set(steps.flatMap(({ method }) => method ?? []));
  const answersAll = steps.some(
    ({ facts, handle, method }) =>
      method === undefined && !facts && (endsRequest(handle) || named.size === 0),
  );
  for (const method of answersAll ? [...named, 'ALL'] : named)
    addPassage(
      method,
      steps.filter((step) => step.method === undefined || step.method === method),
      walk,
    );
}

function addPassage(method: string, own: readonly Step[], walk: Walk): void {
  const [first] = own;
  if (!first) return;
  const { within, path, exact } = first;
  const before = walk.middlewares.filter((step) => isOnTheWay(step, { method, path, within }));
  const shown = exact ? path || '/' : `${path}/*`;
  const steps = [...before, ...own];
  walk.passages.push({ method, path: shown, within, steps, position: walk.middlewares.length });
}
