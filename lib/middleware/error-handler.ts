import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Request, Response } from 'express';
import { requestFacts } from '../http/request-facts.js';
import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { refuseUnknownOptions } from '../known-options.js';

/** Turns a refusal into the body that an application's clients know. */
export type ErrorFormatter = (error: AuthError, req: Request) => unknown;

export interface ErrorHandlerOptions {
  /**
   * Shape of the body. `problem`: `application/problem+json` (RFC 9457). `nested`:
   * `{ error: { code, message, expired_at? } }`. `flat`: `{ error, message }`. Status and headers are the same
   * for all. @defaultValue `'problem'`
   */
  readonly format?: 'problem' | 'nested' | 'flat' | ErrorFormatter;
  /**
   * Adds `reason`, the fixed word of the event `token.refused`, to the problem of an access token that is not valid: a
   * developer sees at once that a token is for another audience. In production it would tell a forger which check failed.
   * @defaultValue `false`; for `auth.errorHandler()` whether NODE_ENV is not `production`
   */
  readonly reasons?: boolean;
  /** Told of each 403 and each demand for a stronger sign-in, as `access.denied`. */
  readonly events?: EventSink;
}

/**
 * Answers every `AuthError` with its status, its headers and a JSON body. Leaves other errors, and responses
 * that have begun, to the next error handler. Mount it after the routes.
 *
 * @example
 * ```ts
 * app.use(auth.errorHandler());
 * app.use(errorHandler({ format: (error) => ({ failed: error.code }) }));
 * ```
 */
export function errorHandler(options: ErrorHandlerOptions = {}): ErrorRequestHandler {
  refuseUnknownOptions('errorHandler()', options, ['format', 'reasons', 'events']);
  const { format = 'problem', reasons = false, events } = options;
  const formatBody = format === 'problem' && reasons ? explainedBody : formatterOf(format);
  const contentType =
    format === 'problem' ? 'application/problem+json' : 'application/json; charset=utf-8';
  // Express tells error handlers by their four parameters.
  // eslint-disable-next-line max-params
  return function authErrorHandler(error: unknown, req, res, next) {
    if (!(error instanceof AuthError) || res.headersSent) {
      next(error);
      return;
    }
    report(error, req, events);
    res.status(error.status);
    setHeaders(res, error.headers);
    send(res, contentType, JSON.stringify(formatBody(error, req)) ?? 'null');
  };
}

/** They describe the answer that a handler had begun to prepare, not this one. */
const contentHeaders = [
  'Content-Encoding',
  'Content-Range',
  'Content-Disposition',
  'ETag',
  'Last-Modified',
];

function setHeaders(res: Response, headers: AuthError['headers']): void {
  for (const name of contentHeaders) res.removeHeader(name);
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
}

/** Not `res.send()`: it would add an ETag, and to RFC 9457's media type a charset that it doesn't have. */
function send(res: Response, contentType: string, body: string): void {
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(res.req.method === 'HEAD' ? undefined : body);
}

function report(error: AuthError, req: Request, events: EventSink | undefined): void {
  if (error.status !== 403 && error.code !== 'AUTH_CONTEXT_REQUIRED') return;
  // Has been reported where it happened, with the reason.
  if (error.code === 'LOGIN_DENIED') return;
  const { auth }: { auth?: Request['auth'] } = req;
  events?.emit('access.denied', {
    code: error.code,
    subject: auth?.subject,
    ...requestFacts(req),
  });
}

function formatterOf(format: unknown): ErrorFormatter {
  if (typeof format === 'function') return (error, req): unknown => format(error, req);
  const known = formatters.get(format);
  if (known) return known;
  throw new TypeError("errorHandler(): `format` is 'problem', 'nested', 'flat' or a function");
}

const formatters: ReadonlyMap<unknown, ErrorFormatter> = new Map<string, ErrorFormatter>([
  ['problem', problemBody],
  ['nested', nestedBody],
  ['flat', flatBody],
]);

function problemBody({ problem }: AuthError, req: Request) {
  const { requestId } = requestFacts(req);
  return requestId === undefined ? problem : { ...problem, request_id: requestId };
}

function explainedBody(error: AuthError, req: Request) {
  const body = problemBody(error, req);
  return error.code === 'INVALID_TOKEN' && error.reason !== undefined
    ? { ...body, reason: error.reason }
    : body;
}

function nestedBody({ problem: { code, detail, expired_at } }: AuthError) {
  return { error: { code, message: detail, ...(expired_at && { expired_at }) } };
}

function flatBody({ status, code, problem }: AuthError) {
  return { error: STATUS_CODES[status], message: flatMessages[code] ?? problem.detail };
}

/** The words that clients of the flat shape compare with. */
const flatMessages: Readonly<Partial<Record<AuthError['code'], string>>> = {
  CREDENTIALS_MISSING: 'Missing or invalid Authorization header',
  TOKEN_EXPIRED: 'Invalid or expired token',
  INVALID_TOKEN: 'Invalid or expired token',
  TOKEN_REVOKED: 'Invalid or expired token',
};
