import type { Request, RequestHandler } from 'express';
import { describeGuard, type GuardFacts } from '../audit/guard-facts.js';
import { challengeOf } from '../errors/challenges.js';
import { challenged } from '../errors.js';

/**
 * Makes a middleware of a check that throws its refusal; lists of routes show the facts. What the check throws goes to `next`: thrown on, it would end the
 * process where an application of Express 4 calls the guard inside async code of its own.
 */
export function createGuard(facts: GuardFacts, check: (req: Request) => void): RequestHandler {
  const guard: RequestHandler = (req, _res, next) => {
    try {
      check(req);
    } catch (error) {
      next(challenged(error, challengeOf(req)));
      return;
    }
    next();
  };
  // Stack traces show middlewares by name.
  Object.defineProperty(guard, 'name', { value: `${facts.kind}Middleware` });
  return describeGuard(facts, guard);
}
