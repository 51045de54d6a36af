import type { GuardFacts } from './guard-facts.js';
import type { Dialect, Handler } from './layers.js';

/** A route of an application, and what stands before it. */
export interface AuditedRoute {
  /** In capitals; `ALL` for a handler of every method. */
  readonly method: string;
  /** As the application spells it; `?` for a part that Express doesn't tell, and `/*` at the end for everything below. */
  readonly path: string;
  /**
   * `guarded`: only known callers get to the handler. `open`: behind `optionalAuth()` alone. `none`: no guard of ours. `auth_router`:
   * the routes of `auth.router()`, which guard themselves.
   */
  readonly protection: 'guarded' | 'open' | 'none' | 'auth_router';
  /** Our middlewares that a request meets before the handler, in their order. */
  readonly guards: readonly GuardFacts[];
  /** Scopes that the guards name. */
  readonly scopes: readonly string[];
  /** Roles that the guards name. */
  readonly roles: readonly string[];
  /** Whether `orgContext()` stands before the handler. */
  readonly org: boolean;
  /** Whether another site's page could send the request with the user's cookie. */
  readonly csrf: 'covered' | 'missing' | 'not_needed';
  /** Whether `securityHeaders()` stands before the handler. */
  readonly securityHeaders: boolean;
  readonly findings: readonly RouteFinding[];
}

/**
 * What is wrong with a route.
 * `unguarded`: no guard stands before the handler; a choice, or an oversight.
 * `guard_after_route`: no guard, but one that is mounted later, too late for any route, would cover it.
 * `refusal_dropped`: an error handler between a guard and the handler goes on without the error, and lets through what the guard refuses.
 * `guard_after_handler`: a guard stands behind a handler that ends the request, where nothing reaches it.
 * `guard_before_auth`: a guard that asks about the caller stands before the one that finds out; it refuses everybody.
 * `guard_before_org`: a guard of `of: 'org'` stands before `orgContext()`; it refuses everybody.
 * `csrf_uncovered`: an unsafe method behind the cookie session of another package, and no `sameOrigin()`.
 * `error_handler_before_route`: `errorHandler()` is mounted before the route, and does not answer its refusals.
 */
export type RouteFinding =
  | 'unguarded'
  | 'guard_after_route'
  | 'refusal_dropped'
  | 'guard_after_handler'
  | 'guard_before_auth'
  | 'guard_before_org'
  | 'csrf_uncovered'
  | 'error_handler_before_route';

/** A router or application, at one of the places where it is mounted. */
export interface Surroundings extends Dialect {
  /** The path that it is mounted at. */
  readonly prefix: string;
  /** The one that it is mounted in. */
  readonly outer: Surroundings | undefined;
}

/** A handler that a request may meet, and where. */
export interface Step {
  readonly handle: Handler;
  readonly facts: GuardFacts | undefined;
  readonly within: Surroundings;
  readonly path: string;
  /** Whether it takes the path alone, and nothing below. */
  readonly exact: boolean;
  /** In capitals; undefined for every method. */
  readonly method: string | undefined;
  /**
   * Of a handler for GET in a route that has handlers for HEAD of its own: whether a guard like it is among those. Elsewhere undefined:
   * what is for GET gets HEAD as well.
   */
  readonly onHead?: 'alike' | 'missing' | undefined;
}

/** A route before it is judged. */
export interface Passage {
  readonly method: string;
  readonly path: string;
  readonly within: Surroundings;
  /** What a request meets: the middlewares on its way, then the handlers of the route. */
  readonly steps: readonly Step[];
  /** How many middlewares of the application are mounted before it. */
  readonly position: number;
}
