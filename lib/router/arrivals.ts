import type { Request, RequestHandler } from 'express';

const arrivals = new WeakMap<Request, number>();

/** Notes when a request came, before anything that it has to wait for. */
export function noteArrival(now: () => number): RequestHandler {
  return function noteArrivalMiddleware(req, _res, next) {
    arrivals.set(req, now());
    next();
  };
}

/** Milliseconds since 1970; undefined for a request that {@link noteArrival} has not seen. */
export function arrivalOf(req: Request): number | undefined {
  return arrivals.get(req);
}
