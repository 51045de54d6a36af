import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler } from 'express';

/** What the application itself refuses. `message` is for the client. */
export class Refusal extends Error {
  readonly status: 400 | 403 | 404;

  constructor(status: Refusal['status'], message: string) {
    super(message);
    this.status = status;
  }
}

/** Answers in the shape of `auth.errorHandler({ format: 'flat' })`; a body that is no JSON, too, which Express refuses. */
// Express tells error handlers by their four parameters.
// eslint-disable-next-line max-params
export const flatErrors: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (!(error instanceof Error) || !('status' in error)) return next(error);
  const { status, message } = error;
  if (typeof status !== 'number' || status >= 500) return next(error);
  res.status(status).json({ error: STATUS_CODES[status], message });
};
