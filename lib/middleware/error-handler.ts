import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Request, Response } from 'express';
import { describeGuard } from '../audit/guard-facts.js';
import { isNavigation } from '../http/cross-site.js';
import type { Place } from '../http/place.js';
import { safeReturnTo, withParameters } from '../http/redirects.js';
import { requestFacts } from '../http/request-facts.js';
import { addVary } from '../http/vary.js';
import type { PagesOptions } from '../pages/options.js';
import { createPages, type Pages } from '../pages/pages.js';
import { type HelpfulPages, refusalPage, signInRoute } from '../pages/refusal-page.js';
import { reportDenial } from './report-denial.js';
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
   * Adds `reason`, the fixed word of the event `token.refused`, to the problem of an access token or DPoP proof that is not valid: a
   * developer sees at once that a token is for another audience. In production it would tell a forger which check failed.
   * @defaultValue `false`; for `auth.errorHandler()` whether NODE_ENV is not `production`
   */
  readonly reasons?: boolean;
  /**
   * Answers browsers that ask for a page, by link or form, with a page in words instead; scripts get the body above (Fetch Metadata
   * decides, else `Accept`). An object says how the pages look. @defaultValue `false`; `true` for `auth.errorHandler()` is the look
   * of `createAuth({ pages })`
   */
  readonly html?: boolean | PagesOptions;
  /** Told of each 403 and each demand for a stronger sign-in, as `access.denied`. */
  readonly events?: EventSink;
}

/** What `createAuth()` adds. */
interface Surroundings {
  readonly pages: Pages;
  /** Where the router is: pages lead to its sign-in page. */
  readonly place: Place;
  /** Which of those pages there are. Asked for each page: the router may be created after the handler. */
  readonly helpfulPages: () => HelpfulPages;
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
export function errorHandler(options?: ErrorHandlerOptions): ErrorRequestHandler;
/** @internal With what only `createAuth()` knows. */
export function errorHandler(
  options: ErrorHandlerOptions | undefined,
  surroundings: Surroundings,
): ErrorRequestHandler;
export function errorHandler(
  options: ErrorHandlerOptions = {},
  surroundings?: Surroundings,
): ErrorRequestHandler {
  refuseUnknownOptions('errorHandler()', options, ['format', 'reasons', 'html', 'events']);
  const { format = 'problem', reasons = false, events } = options;
  const showPage = pagesOf(options.html, surroundings);
  const formatBody = format === 'problem' && reasons ? explainedBody : formatterOf(format);
  const contentType =
    format === 'problem' ? 'application/problem+json' : 'application/json; charset=utf-8';
  // Express tells error handlers by their four parameters.
  // eslint-disable-next-line max-params
  const handler: ErrorRequestHandler = function authErrorHandler(error: unknown, req, res, next) {
    if (!(error instanceof AuthError) || res.headersSent) {
      next(error);
      return;
    }
    reportDenial(error, req, events);
    setHeaders(res, error.headers);
    if (showPage) {
      addVary(res, 'Accept');
      addVary(res, 'Sec-Fetch-Mode');
      if (isNavigation(req)) return showPage(error, req, res);
    }
    res.status(error.status);
    send(res, contentType, JSON.stringify(formatBody(error, req)) ?? 'null');
  };
  return describeGuard({ kind: 'errorHandler' }, handler);
}

type ShowPage = (error: AuthError, req: Request, res: Response) => void;

function pagesOf(
  html: ErrorHandlerOptions['html'],
  surroundings: Surroundings | undefined,
): ShowPage | undefined {
  if (html === undefined || html === false) return undefined;
  const pages =
    html === true && surroundings
      ? surroundings.pages
      : createPages('errorHandler({ html })', html === true ? {} : html, {
          name: 'Home',
          home: surroundings?.pages.home ?? '/',
        });
  return (error, req, res) => {
    const { method, originalUrl } = req;
    const isRepeatable = method === 'GET' || method === 'HEAD';
    const here = isRepeatable
      ? safeReturnTo(originalUrl, surroundings?.place.publicPath)
      : undefined;
    const leadingTo = (page: string, isThere = false): string | undefined =>
      surroundings && isThere
        ? withParameters(`${surroundings.place.routerPath()}${page}`, {
            returnTo: here ?? pages.home,
          })
        : undefined;
    const helpful = surroundings?.helpfulPages();
    const ways = {
      home: pages.home,
      signIn: leadingTo(signInRoute(error), helpful?.signIn),
      changePassword: leadingTo('/change-password', helpful?.changePassword),
      again: here,
    };
    pages.send(res, error.status, refusalPage(error, ways));
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
  return EXPLAINED.has(error.code) && error.reason !== undefined
    ? { ...body, reason: error.reason }
    : body;
}

const EXPLAINED: ReadonlySet<string> = new Set(['INVALID_TOKEN', 'INVALID_DPOP_PROOF']);

function nestedBody({ problem: { code, detail, expired_at } }: AuthError) {
  return { error: { code, message: detail, ...(expired_at && { expired_at }) } };
}

function flatBody({ status, code, problem }: AuthError, { headers: { authorization } }: Request) {
  const wording =
    isNoBearer(authorization) && code === 'INVALID_TOKEN' ? 'CREDENTIALS_MISSING' : code;
  return { error: STATUS_CODES[status], message: flatMessages[wording] ?? problem.detail };
}

/** Whether no token stands behind a scheme of ours: clients of the flat shape know that as a header that is invalid, not as a token. */
function isNoBearer(authorization = ''): boolean {
  return /^(?:bearer|dpop)(?! +\S)/i.test(authorization);
}

/** The words that clients of the flat shape compare with. */
const flatMessages: Readonly<Partial<Record<AuthError['code'], string>>> = {
  CREDENTIALS_MISSING: 'Missing or invalid Authorization header',
  TOKEN_EXPIRED: 'Invalid or expired token',
  INVALID_TOKEN: 'Invalid or expired token',
  TOKEN_REVOKED: 'Invalid or expired token',
};
