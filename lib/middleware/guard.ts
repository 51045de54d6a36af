import type { Request, RequestHandler } from 'express';
import { challengeOf } from '../errors/challenges.js';
import { challenged } from '../errors.js';

/**
 * Makes a middleware of a check that throws its refusal. What the check throws goes to `next`: thrown on, it would end the
 * process where an application of Express 4 calls the guard inside async code of its own.
 */
export function createGuard(name: string, check: (req: Request) => void): RequestHandler {
  const guard: RequestHandler = (req, _res, next) => {
    try {
      check(req);
    } catch (error) {
      next(challenged(error, challengeOf(req)));
      return;
    }
    next();
  };
  // Stack traces and lists of routes show middlewares by name.
  return Object.defineProperty(guard, 'name', { value: name });
}
