import { randomUUID } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import cors from 'cors';
import type { Request, RequestHandler, Response } from 'express';
import helmet, { type HelmetOptions } from 'helmet';
import { describeGuard } from '../audit/guard-facts.js';
import { refuseUnknownOptions } from '../known-options.js';
import { isPreflight } from '../http/cross-site.js';
import { isFieldName } from '../http/field-names.js';
import { createOriginSet, originCure, parseOriginList } from '../http/origin-list.js';
import { requestIdOf } from '../http/request-facts.js';
import { addVary } from '../http/vary.js';

export interface SecurityHeadersOptions {
  /**
   * `api`: the few headers that matter for JSON. `web`: helmet's full set, with a content security
   * policy for server-rendered pages (scripts from the own origin, none inline; where the request or AUTH_PUBLIC_URL is https,
   * also `upgrade-insecure-requests`). @defaultValue `'api'`
   */
  readonly preset?: 'api' | 'web';
  /**
   * The only origins whose pages may show this one in a frame; `"'self'"` is accepted among them; `[]`
   * and `["'none'"]` allow none. Also drops `Cross-Origin-Opener-Policy`, which would cut a log-in popup off from the
   * framed page. @defaultValue none (`api`), the own origin (`web`)
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
  /**
   * Lets pages of the preset `web` show Google's sign-in button and One Tap: their script, style, frame and requests in the
   * content security policy, and a `Cross-Origin-Opener-Policy` that leaves Google's window its opener. @defaultValue `false`
   */
  readonly googleButton?: boolean;
}

export interface CorsOptions {
  /**
   * Origins as browsers send them, compared exactly: `https://app.example`. `https://*.app.example` is every host one level
   * below, but without cookies. `'*'` is every origin.
   */
  readonly origins: readonly string[] | '*';
  /** Lets the origins that are listed exactly send cookies. Not with `'*'`. @defaultValue `false` */
  readonly credentials?: boolean;
  /**
   * Request headers that pages may send, besides Authorization, DPoP, Content-Type, X-Org-Id, X-Request-Id and X-CSRF.
   * @defaultValue whatever they ask for, those of tracing included
   */
  readonly allowedHeaders?: readonly string[];
  /**
   * Response headers that pages may read, besides WWW-Authenticate, DPoP-Nonce, Retry-After, X-Request-Id,
   * RateLimit and RateLimit-Policy. @defaultValue none
   */
  readonly exposedHeaders?: readonly string[];
}

/** What `createAuth()` adds. */
interface Surroundings {
  /** AUTH_PUBLIC_URL. @defaultValue requests tell */
  readonly publicUrl?: string | undefined;
}

/**
 * Sets security headers, answers CORS preflights and names the request. Mount it first, so that
 * errors carry the headers too. Throws a `TypeError` for options that cannot work.
 *
 * @example
 * ```ts
 * app.use(securityHeaders({ cors: { origins: ['https://app.example'], credentials: true } }));
 * ```
 */
export function securityHeaders(options?: SecurityHeadersOptions): RequestHandler;
/** @internal With what only `createAuth()` knows. */
export function securityHeaders(
  options: SecurityHeadersOptions | undefined,
  surroundings: Surroundings,
): RequestHandler;
export function securityHeaders(
  options: SecurityHeadersOptions = {},
  surroundings: Surroundings = {},
): RequestHandler {
  checkOptions(options);
  const staticHeadersFor = headersByTransport(options, surroundings);
  const answerCrossOrigin: CrossOrigin = options.cors
    ? createCrossOrigin(options.cors)
    : createRefusalNotice();
  const requestId = options.requestId ?? true;
  const middleware: RequestHandler = function securityHeadersMiddleware(req, res, next) {
    res.removeHeader('X-Powered-By');
    setHeaders(res, staticHeadersFor(req));
    if (requestId) identify(req, res);
    if (answerCrossOrigin(req, res) === 'answered') return;
    next();
  };
  return describeGuard({ kind: 'securityHeaders' }, middleware);
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
    'googleButton',
  ]);
  const { preset = 'api', cors: crossOrigin, googleButton = false } = options;
  if (!Object.hasOwn(presets, preset))
    throw new TypeError("securityHeaders() has the presets 'api' and 'web'");
  if (googleButton && preset !== 'web')
    throw new TypeError("securityHeaders({ googleButton }) is for pages: it needs preset: 'web'");
  if (crossOrigin === undefined) return;
  refuseUnknownOptions('securityHeaders({ cors })', crossOrigin, [
    'origins',
    'credentials',
    'allowedHeaders',
    'exposedHeaders',
  ]);
  if (crossOrigin.origins === '*' && crossOrigin.credentials)
    throw new TypeError(
      "securityHeaders() cannot combine cors.origins '*' with credentials: every site could act as the signed-in user; list the origins",
    );
}

const presets = { api: apiOptions, web: webOptions };

/**
 * `upgrade-insecure-requests` sends a page's own scripts, forms and links to https, also those of a page that came over plain http, where
 * nothing may answer. The other headers that are for https alone (HSTS, opener policy, origin-keyed agents) browsers ignore there.
 */
function headersByTransport(
  options: SecurityHeadersOptions,
  { publicUrl }: Surroundings,
): (req: Request) => Headers {
  const plain = helmetHeaders(options, { isHttps: false });
  if (options.preset !== 'web') return () => plain;
  const upgrading = helmetHeaders(options, { isHttps: true });
  // Where TLS ends in a proxy, requests tell of it only with `trust proxy`.
  if (publicUrl?.startsWith('https:')) return () => upgrading;
  return ({ secure }) => (secure ? upgrading : plain);
}

/** Helmet's headers depend on no more of a request than its transport, so it runs here, once for each. */
function helmetHeaders(
  {
    preset = 'api',
    frameAncestors,
    cors: crossOrigin,
    googleButton = false,
  }: SecurityHeadersOptions,
  { isHttps }: { readonly isHttps: boolean },
): Headers {
  const ancestors = frameAncestors && parseFrameAncestors(frameAncestors);
  const middleware = helmet({
    ...presets[preset](ancestors, { googleButton, isHttps }),
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

function webOptions(
  ancestors: readonly string[] | undefined,
  { googleButton, isHttps }: { readonly googleButton: boolean; readonly isHttps: boolean },
): HelmetOptions {
  const opener = googleButton ? 'same-origin-allow-popups' : 'same-origin';
  return {
    contentSecurityPolicy: {
      directives: {
        frameAncestors: ancestors ?? ["'self'"],
        ...(googleButton && GOOGLE_BUTTON),
        ...(!isHttps && { upgradeInsecureRequests: null }),
      },
    },
    xFrameOptions: frameOptions(ancestors, 'sameorigin'),
    crossOriginOpenerPolicy: ancestors === undefined && { policy: opener },
    // Under `no-referrer` browsers post even a page's own forms with `Origin: null`, and Google's button doesn't learn whose page it is on.
    referrerPolicy: { policy: 'strict-origin-when-cross-origin' },
  };
}

const GOOGLE = 'https://accounts.google.com/gsi/';

/** What Google's library loads (https://developers.google.com/identity/gsi/web/guides/get-google-api-clientid), beside the page's own. */
const GOOGLE_BUTTON = {
  scriptSrc: ["'self'", `${GOOGLE}client`],
  styleSrc: ["'self'", 'https:', "'unsafe-inline'", `${GOOGLE}style`],
  frameSrc: ["'self'", GOOGLE],
  connectSrc: ["'self'", GOOGLE],
};

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
  'DPoP-Nonce',
  'Retry-After',
  'X-Request-Id',
  'RateLimit',
  'RateLimit-Policy',
];
const ALLOWED_HEADERS = [
  'Authorization',
  'DPoP',
  'Content-Type',
  'X-Org-Id',
  'X-Request-Id',
  'X-CSRF',
];
const PREFLIGHT_MAX_AGE_SECONDS = 600;

interface CorsAnswers {
  readonly preflight: Headers;
  readonly actual: Headers;
}

type CrossOrigin = (req: Request, res: Response) => 'answered' | undefined;

/**
 * What `cors` says depends only on the method and on whether cookies may come along, so it is asked once
 * for each, here. An origin that is not listed gets no header at all.
 */
function createCrossOrigin(options: CorsOptions): CrossOrigin {
  const grantOf = createGrants(options);
  const allowedHeaders =
    options.allowedHeaders && fieldNames(ALLOWED_HEADERS, options.allowedHeaders);
  const tellRefusal = createRefusalNotice();
  return function applyCors(req, res) {
    // Also without an Origin: a cache must not hand that answer to a page of a listed origin.
    if (options.origins !== '*') addVary(res, 'Origin');
    const { origin } = req.headers;
    if (origin === undefined) return undefined;
    const answers = grantOf(origin);
    if (answers)
      res.setHeader('Access-Control-Allow-Origin', options.origins === '*' ? '*' : origin);
    if (!isPreflight(req)) {
      if (answers) setHeaders(res, answers.actual);
      return undefined;
    }
    if (answers) {
      setHeaders(res, answers.preflight);
      res.setHeader('Access-Control-Allow-Headers', allowedHeaders ?? requestedHeaders(req));
      if (!allowedHeaders) addVary(res, 'Access-Control-Request-Headers');
    } else tellRefusal(req);
    res.statusCode = 204;
    res.end();
    return 'answered';
  };
}

/** Prepares the answers to every origin, to those listed exactly, and to those below a listed domain. */
function createGrants(options: CorsOptions): (origin: string) => CorsAnswers | undefined {
  const withoutCookies = corsAnswers(options, false);
  if (options.origins === '*') return () => withoutCookies;
  const listed = parseOriginList('securityHeaders() cors.origins', options.origins, {
    patterns: true,
  });
  const exact = new Set(listed.filter((origin) => !origin.includes('*')));
  const any = createOriginSet(listed);
  const forExact = corsAnswers(options, options.credentials ?? false);
  return (origin) => {
    if (exact.has(origin)) return forExact;
    return any.has(origin) ? withoutCookies : undefined;
  };
}

function corsAnswers({ exposedHeaders = [] }: CorsOptions, credentials: boolean): CorsAnswers {
  const origin = 'https://page.invalid';
  const handler = cors({
    origin: [origin],
    credentials,
    allowedHeaders: [],
    exposedHeaders: fieldNames(EXPOSED_HEADERS, exposedHeaders),
    maxAge: PREFLIGHT_MAX_AGE_SECONDS,
  });
  // Set for each response: the origin itself, the headers that were asked for, and Vary, which may have a value.
  const own = ['Access-Control-Allow-Origin', 'Access-Control-Allow-Headers', 'Vary'];
  const answerTo = (method: string) =>
    rehearse(handler, { method, origin }).filter(([name]) => !own.includes(name));
  return { preflight: answerTo('OPTIONS'), actual: answerTo('GET') };
}

function fieldNames(ours: readonly string[], further: readonly string[]): string {
  if (!Array.isArray(further) || !further.every((name) => isFieldName(String(name))))
    throw new TypeError(
      "securityHeaders() takes names of headers, such as ['X-Tenant']; * is none",
    );
  return [...new Set([...ours, ...further])].join(',');
}

/** What the page wants to send. The origin is allowed, and whether a header means something is for handlers to say. */
function requestedHeaders(req: Request): string {
  const wanted = req.headers['access-control-request-headers'] ?? '';
  return /^[\w!#$%&'+.^`|~, -]{1,2048}$/.test(wanted) ? wanted : ALLOWED_HEADERS.join(',');
}

/** Tells the developer, once, why a page's request fails in the browser. */
function createRefusalNotice(): (req: Request) => undefined {
  let isTold = false;
  return function tellRefusal(req) {
    if (isTold || !isPreflight(req)) return undefined;
    isTold = true;
    const { origin = '' } = req.headers;
    const page =
      origin.length <= 255 && originCure(origin) === undefined ? origin : 'another origin';
    process.emitWarning(
      `a page of ${page} asked to send a request and was not allowed to; list its origin in AUTH_CORS_ORIGINS, or in \`cors.origins\` of securityHeaders()`,
      'LatchkeyWarning',
    );
    return undefined;
  };
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
