import type { Request, RequestHandler, Response } from 'express';
import { AuthError } from '../errors.js';

/** What one endpoint does. Whatever it throws or rejects with goes to the error handlers. */
export type Endpoint = (req: Request, res: Response) => Promise<void>;

/** Express 4 does not wait for a handler, so a rejection is handed over here. */
export function endpoint(handle: Endpoint): RequestHandler {
  return function authEndpoint(req, res, next) {
    handle(req, res).catch(next);
  };
}

/** Runs a middleware inside an endpoint. Rejects with what it passes on. */
export function runMiddleware(
  middleware: RequestHandler,
  req: Request,
  res: Response,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (error?: unknown): void => {
      if (error === undefined) resolve();
      else reject(error);
    };
    Promise.resolve(middleware(req, res, next)).catch(reject);
  });
}

/** Answers every other method of a path (RFC 9110 §15.5.6). */
export function onlyMethods(...allow: readonly string[]): RequestHandler {
  return function refuseMethod() {
    throw new AuthError('METHOD_NOT_ALLOWED', { allow });
  };
}
