import type { Application, RequestHandler } from 'express';
import { type Parts, passing } from '../parts.js';
import {
  type ControllerNotes,
  HooksController,
  type RouteNotes,
  UsersController,
} from './controllers.js';

interface Controller {
  readonly notes: ControllerNotes;
}

/** As n8n has it: routes are methods of classes, and what stands before them is made of what decorators note. */
export function createApp(parts: Parts): Application {
  const app = parts.express();
  app.use(passing);
  for (const controller of [new UsersController(), new HooksController(parts)])
    activate(app, controller, parts);
  app.use(parts.auth.errorHandler());
  return app;
}

/** The router is mounted before it has a route. */
function activate(app: Application, controller: Controller, { auth, express }: Parts): void {
  const { basePath, routes, routers = [], middlewares: names = [] } = controller.notes;
  const router = express.Router({ mergeParams: true });
  app.use(`/rest${basePath}`, router);
  const own = names.map((name) => methodOf(controller, name));
  const before = ({ skipAuth, scope, middlewares = [] }: Partial<RouteNotes>): RequestHandler[] => [
    ...(skipAuth ? [] : [auth.requireAuth(), passing]),
    ...(scope === undefined ? [] : [auth.requireScopes(scope)]),
    ...own,
    ...middlewares,
  ];
  for (const { path, router: inner, ...notes } of routers)
    router.use(path, ...before(notes), inner);
  for (const [name, { method, path, ...notes }] of Object.entries(routes)) {
    const handle = methodOf(controller, name);
    router[method](path, ...before(notes), async (_req, res) => {
      res.json(await Promise.resolve(Reflect.apply(handle, undefined, [])));
    });
  }
}

function methodOf(controller: Controller, name: string): RequestHandler {
  const method: unknown = Reflect.get(controller, name);
  if (typeof method !== 'function') throw new TypeError(`no method ${name}`);
  return method.bind(controller);
}
