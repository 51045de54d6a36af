import { randomUUID } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import cors from 'cors';
import type { Request, RequestHandler, Response } from 'express';
import helmet, { type HelmetOptions } from 'helmet';
import { refuseUnknownOptions } from '../known-options.js';
import { isPreflight } from '../http/cross-site.js';
import { parseOriginList } from '../http/origin-list.js';
import { requestIdOf } from '../http/request-facts.js';
import { addVary } from '../http/vary.js';

export interface SecurityHeadersOptions {
  /**
   * `api`: the few headers that matter for JSON. `web`: helmet's full set, with a content security
   * policy for server-rendered pages (scripts from the own origin, none inline). @defaultValue `'api'`
   */
  readonly preset?: 'api' | 'web';
  /**
   * The only origins whose pages may show this one in a frame; `"'self'"` is accepted among them; `[]`
   * and `["'none'"]` mean nobody. Also drops `Cross-Origin-Opener-Policy`, which would cut a log-in popup off from the
   * framed page. @defaultValue nobody (`api`), the own origin (`web`)
   */
  readonly frameAncestors?: readonly string[];
  /** Which other origins' scripts may read the answers. @defaultValue none */
  readonly cors?: CorsOptions;
  /**
   * Puts `X-Request-Id` on `req.id` and on the response: a well-formed one of the client's is kept
   * (1 to 128 of `A-Z a-z 0-9 _ . : -`), else one is made. It is a label, not proof of anything.
   * @defaultValue `true`
   */
  readonly requestId?: boolean;
}

export interface CorsOptions {
  /** Origins as browsers send them, compared exactly: `https://app.example`. `'*'` is every origin. */
  readonly origins: readonly string[] | '*';
  /** Lets these origins send cookies. Not with `'*'`. @defaultValue `false` */
  readonly credentials?: boolean;
}

/**
 * Sets security headers, answers CORS preflights and names the request. Mount it first, so that
 * errors carry the headers too. Throws a `TypeError` for options that cannot work.
 */
export function securityHeaders(options: SecurityHeadersOptions = {}): RequestHandler {
  checkOptions(options);
  const staticHeaders = helmetHeaders(options);
  const crossOrigin = options.cors && createCrossOrigin(options.cors);
  const requestId = options.requestId ?? true;
  return function securityHeadersMiddleware(req, res, next) {
    res.removeHeader('X-Powered-By');
    setHeaders(res, staticHeaders);
    if (requestId) identify(req, res);
    if (crossOrigin?.(req, res) === 'answered') return;
    next();
  };
}

type Headers = readonly (readonly [name: string, value: string])[];

function setHeaders(res: Response, headers: Headers): void {
  for (const [name, value] of headers) res.setHeader(name, value);
}

function checkOptions(options: SecurityHeadersOptions): void {
  refuseUnknownOptions('securityHeaders()', options, [
    'preset',
    'frameAncestors',
    'cors',
    'requestId',
  ]);
  const { preset = 'api', cors: crossOrigin } = options;
  if (!Object.hasOwn(presets, preset))
    throw new TypeError("securityHeaders() has the presets 'api' and 'web'");
  if (crossOrigin === undefined) return;
  refuseUnknownOptions('securityHeaders({ cors })', crossOrigin, ['origins', 'credentials']);
  if (crossOrigin.origins === '*' && crossOrigin.credentials)
    throw new TypeError(
      "securityHeaders() cannot combine cors.origins '*' with credentials: every site could act as the signed-in user; list the origins",
    );
}

const presets = { api: apiOptions, web: webOptions };

/** Helmet's headers never depend on the request, so it runs once, here. */
function helmetHeaders({
  preset = 'api',
  frameAncestors,
  cors: crossOrigin,
}: SecurityHeadersOptions) {
  const ancestors = frameAncestors && parseFrameAncestors(frameAncestors);
  const middleware = helmet({
    ...presets[preset](ancestors),
    crossOriginResourcePolicy: { policy: crossOrigin ? 'cross-origin' : 'same-origin' },
  });
  return rehearse(middleware, { method: 'GET' });
}

function apiOptions(ancestors: readonly string[] | undefined): HelmetOptions {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ancestors ?? ["'none'"] },
    },
    xFrameOptions: frameOptions(ancestors, 'deny'),
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  };
}

function webOptions(ancestors: readonly string[] | undefined): HelmetOptions {
  return {
    contentSecurityPolicy: { directives: { frameAncestors: ancestors ?? ["'self'"] } },
    xFrameOptions: frameOptions(ancestors, 'sameorigin'),
    crossOriginOpenerPolicy: ancestors === undefined,
  };
}

/** `X-Frame-Options` cannot name origins and would contradict a policy that does. */
function frameOptions(ancestors: readonly string[] | undefined, action: 'deny' | 'sameorigin') {
  if (ancestors === undefined) return { action };
  return ancestors[0] === "'none'" && { action: 'deny' as const };
}

function parseFrameAncestors(list: readonly string[]): readonly string[] {
  if (Array.isArray(list) && list.length === 1 && list[0] === "'none'") return list;
  const origins = parseOriginList(
    'securityHeaders() frameAncestors',
    Array.isArray(list) ? list.filter((entry: unknown) => entry !== "'self'") : list,
  );
  const ancestors = list.includes("'self'") ? ["'self'", ...origins] : origins;
  return ancestors.length > 0 ? ancestors : ["'none'"];
}

const EXPOSED_HEADERS = [
  'WWW-Authenticate',
  'Retry-After',
  'X-Request-Id',
  'RateLimit',
  'RateLimit-Policy',
];
const ALLOWED_HEADERS = ['Authorization', 'Content-Type', 'X-Org-Id', 'X-Request-Id', 'X-CSRF'];
const PREFLIGHT_MAX_AGE_SECONDS = 600;

interface CorsAnswers {
  readonly preflight: Headers;
  readonly actual: Headers;
}

/**
 * What `cors` says depends only on the method and on which listed origin asks, so it is asked once
 * for each, here. An origin that is not listed gets no header at all.
 */
function createCrossOrigin({ origins, credentials = false }: CorsOptions) {
  const anyOrigin = origins === '*' ? corsAnswers('*', false) : undefined;
  const listed = origins === '*' ? [] : parseOriginList('securityHeaders() cors.origins', origins);
  const answers = new Map(listed.map((origin) => [origin, corsAnswers(origin, credentials)]));
  return function applyCors(req: Request, res: Response): 'answered' | undefined {
    // Also without an Origin: a cache must not hand that answer to a page of a listed origin.
    if (!anyOrigin) addVary(res, 'Origin');
    const { origin } = req.headers;
    if (origin === undefined) return undefined;
    const answer = anyOrigin ?? answers.get(origin);
    if (!isPreflight(req)) {
      if (answer) setHeaders(res, answer.actual);
      return undefined;
    }
    if (answer) setHeaders(res, answer.preflight);
    res.statusCode = 204;
    res.end();
    return 'answered';
  };
}

function corsAnswers(origin: string, credentials: boolean): CorsAnswers {
  const handler = cors({
    origin: origin === '*' ? '*' : [origin],
    credentials,
    allowedHeaders: ALLOWED_HEADERS,
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: PREFLIGHT_MAX_AGE_SECONDS,
  });
  const answerTo = (method: string) =>
    // Vary is merged for each response, where there may be one already.
    rehearse(handler, { method, origin }).filter(([name]) => name !== 'Vary');
  return { preflight: answerTo('OPTIONS'), actual: answerTo('GET') };
}

/** Runs a middleware on a request and a response that go nowhere, to learn which headers it sets. */
function rehearse(
  middleware: (req: IncomingMessage, res: ServerResponse, next: () => void) => void,
  facts: { readonly method: string; readonly origin?: string },
): Headers {
  const req = new IncomingMessage(new Socket());
  req.method = facts.method;
  if (facts.origin !== undefined) req.headers.origin = facts.origin;
  const res = new ServerResponse(req);
  const headers = new Map<string, string>();
  res.setHeader = (name, value) => {
    headers.set(name, String(value));
    return res;
  };
  middleware(req, res, () => {});
  return [...headers];
}

const WELL_FORMED_ID = /^[\w.:-]{1,128}$/;
/** What an earlier middleware chose is kept in any shape that a header can carry. */
const PRINTABLE_ID = /^[\x21-\x7E]{1,256}$/;

function identify(req: Request, res: Response): void {
  const earlier = requestIdOf(req);
  const id = earlier !== undefined && PRINTABLE_ID.test(earlier) ? earlier : chooseRequestId(req);
  req.id = id;
  res.setHeader('X-Request-Id', id);
}

function chooseRequestId(req: Request): string {
  const sent = req.headers['x-request-id'];
  return typeof sent === 'string' && WELL_FORMED_ID.test(sent) ? sent : randomUUID();
}
