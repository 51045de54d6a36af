import { factsOf, type GuardFacts } from './guard-facts.js';
import { judgeRoutes } from './judge-route.js';
import {
  dropsErrors,
  endsRequest,
  type Handler,
  type Layer,
  type LayerPath,
  mountedApplication,
  readRouter,
  type RouteHandler,
  type Router,
} from './layers.js';
import { expressOf, isNestApp } from './nest-app.js';
import { type NestRoutes, readNestRoutes } from './nest-routes.js';
import { isOnTheWay, joinPaths } from './paths.js';
import type { AuditedRoute, Passage, Step, Surroundings } from './route.js';

/**
 * Lists the routes of an Express application (4 or 5), of its routers and of the applications in it, with what stands before each; also
 * those of an application of NestJS. Runs none of its code. Throws a TypeError for anything else.
 */
export function auditRoutes(app: unknown): readonly AuditedRoute[] {
  const nest = isNestApp(app) ? readNestRoutes(app) : undefined;
  const router = readRouter(nest ? expressOf(app) : app);
  if (!router)
    throw new TypeError(
      'auth.routes() and auth.openapiSecurity() take an application or a router of Express 4 or 5, or an application of NestJS',
    );
  const walk: Walk = { middlewares: [], passages: [], depth: 0, nest };
  walkRouter(router, { prefix: '', outer: undefined }, walk);
  return judgeRoutes(walk);
}

interface Walk {
  /** In the order in which a request meets them. */
  readonly middlewares: Step[];
  readonly passages: Passage[];
  /** In how many routers the walk is. */
  depth: number;
  /** Of an application of NestJS. */
  readonly nest: NestRoutes | undefined;
}

/** A router may be mounted below itself. */
const DEEPEST = 20;

function walkRouter(
  { layers, ...dialect }: Router,
  mounted: Pick<Surroundings, 'prefix' | 'outer'>,
  walk: Walk,
): void {
  const within = { ...dialect, ...mounted };
  walk.depth += 1;
  for (const layer of layers)
    for (const relative of layer.paths) {
      const isStrict = within.isStrict && layer.route !== undefined;
      const path = joinPaths(within.prefix, relative, isStrict);
      const isOfNest = addOfNest(layer, { within, path, relative }, walk);
      if (isOfNest) continue;
      if (layer.route) addRoute(layer.route, { within, path }, walk);
      else addMounted(layer.handle, { within, path }, walk);
    }
  walk.depth -= 1;
}

/** Adds a middleware of a NestJS module, which for one method is a route to Express, or a handler of a controller with its guards. */
function addOfNest(
  { handle: mounted, route }: Layer,
  { relative, ...place }: Place & { readonly relative: LayerPath },
  walk: Walk,
): boolean {
  const { nest, depth } = walk;
  const [{ handle, method } = { handle: mounted, method: undefined }] = route ?? [];
  const at = { ...place, handle, method, ofRoute: route !== undefined, exact: route !== undefined };
  const middleware =
    depth === 1 ? nest?.middlewareAt(handle, { path: relative, method }) : undefined;
  if (middleware) walk.middlewares.push({ ...at, facts: middleware.facts });
  const guards = nest?.guardsOf(handle, relative);
  if (guards)
    addPassages(
      [...guards, undefined].map((facts) => ({ ...at, facts })),
      walk,
    );
  return middleware !== undefined || guards !== undefined;
}

type Place = Pick<Step, 'within' | 'path'>;

function addMounted(handle: Handler, place: Place, walk: Walk): void {
  const { within, path } = place;
  const facts = factsOf(handle);
  const step = { ...place, handle, facts, exact: false, method: undefined };
  if (facts?.kind === 'authRouter') return addPassage('ALL', [step], walk);
  const inner = facts ? undefined : (readRouter(handle) ?? readRouter(mountedApplication(handle)));
  if (inner && walk.depth < DEEPEST)
    return walkRouter(inner, { prefix: path, outer: within }, walk);
  // At the root it is what answers when nothing else has: the page for 404.
  if (!facts && endsRequest(handle) && path !== '') addPassage('ALL', [step], walk);
  else walk.middlewares.push(step);
}

function addRoute(handlers: readonly RouteHandler[], place: Place, walk: Walk): void {
  const facts = handlers.map(({ handle }) => factsOf(handle));
  const first = facts.findIndex((each) => !each);
  const steps = handlers.map(({ handle, method }, at): Step => {
    const onHead = method === 'GET' ? headOf(facts[at], handlers) : undefined;
    return { ...place, handle, facts: facts[at], exact: true, method, onHead };
  });
  if (first >= 0) addPassages(steps, walk);
  // What comes later at its path is reached through its guards: `app.all('/admin', auth.requireAuth(), log)`. Not through those
  // behind a handler, which may go on to the next route without them, nor where an error handler of the route does.
  const isSure = !handlers.some(({ handle }) => dropsErrors(handle));
  if (isSure) walk.middlewares.push(...(first >= 0 ? steps.slice(0, first) : steps));
}

/** What HEAD meets of a handler for GET. Express gives HEAD to those for GET only in a route that has none for HEAD. */
function headOf(facts: GuardFacts | undefined, handlers: readonly RouteHandler[]): Step['onHead'] {
  const onHead = handlers.filter(({ method }) => method === 'HEAD');
  if (onHead.length === 0) return undefined;
  const all = onHead.map(({ handle }) => factsOf(handle));
  const end = all.findIndex((each) => !each);
  const guards = end < 0 ? all : all.slice(0, end);
  const wanted = facts && JSON.stringify(facts);
  return guards.some((each) => JSON.stringify(each) === wanted) ? 'alike' : 'missing';
}

/** A route for each of its methods. */
function addPassages(steps: readonly Step[], walk: Walk): void {
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
