import type { GuardKind } from './guard-facts.js';
import { dropsErrors } from './layers.js';
import { isWithin, mayMeet } from './paths.js';
import type { Passage, Step } from './route.js';

/** Whether an error handler may drop what a guard refuses, so that the request gets to the handler all the same. */
export function isDropped(guard: Step, passage: Passage, middlewares: readonly Step[]): boolean {
  if (!guard.facts || NEVER_REFUSE.has(guard.facts.kind)) return false;
  const { steps, position } = passage;
  const at = middlewares.lastIndexOf(guard, position - 1);
  // Express gives an error to the next handlers of the same route, or of the router and those around it.
  const behind =
    at < 0 || at >= position
      ? steps.slice(steps.indexOf(guard) + 1)
      : middlewares
          .slice(at + 1, position)
          .filter((step) => isWithin(guard.within, step.within) && mayMeet(step, passage));
  return behind.some(({ facts, handle }) => !facts && dropsErrors(handle));
}

const NEVER_REFUSE: ReadonlySet<GuardKind> = new Set([
  'optionalAuth',
  'securityHeaders',
  'errorHandler',
  'authRouter',
]);
