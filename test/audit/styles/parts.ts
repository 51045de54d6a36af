import type { createAuth } from 'latchkey';
import type { RequestHandler } from 'express';
import type { expressVersions } from '../../world/express-versions.js';

/** What an application in the style of another one is built of. */
export interface Parts {
  readonly auth: ReturnType<typeof createAuth>;
  readonly express: (typeof expressVersions)[number]['express'];
  readonly isFour: boolean;
}

/** Parses bodies, sets headers, counts. */
export const passing: RequestHandler = (_req, _res, next) => next();

/** A handler of the kind that passes errors on. */
export const answer: RequestHandler = (_req, res, next) => {
  try {
    res.json({});
  } catch (error) {
    next(error);
  }
};
