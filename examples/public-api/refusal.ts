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

/**
 * Answers in the shape of `auth.errorHandler({ format: 'flat' })`: refusals, a body that is no JSON, which Express refuses, and with 500 whatever
 * else was thrown, of which clients learn nothing.
 */
// Express tells error handlers by their four parameters.
// eslint-disable-next-line max-params
export const flatErrors: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) return next(error);
  if (error instanceof Error && 'status' in error) {
    const { status, message } = error;
    if (typeof status === 'number' && status < 500)
      return void res.status(status).json({ error: STATUS_CODES[status], message });
  }
  console.error(error);
  res.status(500).json({ error: STATUS_CODES[500], message: 'The server has failed' });
};
