import type { Request, RequestHandler, Response, Router } from 'express';
import { answer, type Parts, passing } from '../parts.js';

/** What decorators note of a method. */
export interface RouteNotes {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  readonly path: string;
  readonly skipAuth?: boolean;
  readonly scope?: string;
  readonly middlewares?: readonly RequestHandler[];
}

/** What decorators note of a class. */
export interface ControllerNotes {
  readonly basePath: string;
  /** Names of methods that stand before all routes. */
  readonly middlewares?: readonly string[];
  readonly routes: Readonly<Record<string, RouteNotes>>;
  readonly routers?: readonly {
    readonly path: string;
    readonly router: Router;
    readonly skipAuth?: boolean;
  }[];
}

export class UsersController {
  readonly #answer = {};

  readonly notes: ControllerNotes = {
    basePath: '/users',
    middlewares: ['count'],
    routes: {
      list: { method: 'get', path: '/', scope: 'user:list' },
      remove: { method: 'delete', path: '/:id', scope: 'user:delete' },
      // Planted: a scope on a route that skips who calls.
      rename: { method: 'patch', path: '/:id/name', scope: 'user:update', skipAuth: true },
    },
  };

  count(_req: Request, _res: Response, next: () => void): void {
    next();
  }

  list(): unknown {
    return this.#answer;
  }

  remove(): unknown {
    return this.#answer;
  }

  rename(): unknown {
    return this.#answer;
  }
}

export class HooksController {
  readonly #answer = {};
  readonly notes: ControllerNotes;

  constructor({ express }: Parts) {
    this.notes = {
      basePath: '/hooks',
      routes: {
        ping: { method: 'get', path: '/ping', skipAuth: true },
        test: { method: 'post', path: '/:id/test', middlewares: [passing] },
      },
      routers: [
        { path: '/logs', router: express.Router().get('/', answer).delete('/:id', answer) },
        // Planted: a whole router that skips who calls.
        { path: '/secrets', router: express.Router().get('/', answer), skipAuth: true },
      ],
    };
  }

  ping(): unknown {
    return this.#answer;
  }

  test(): unknown {
    return this.#answer;
  }
}
