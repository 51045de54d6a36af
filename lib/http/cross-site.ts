import type { IncomingHttpHeaders } from 'node:http';
import { reusableError } from '../errors.js';

/** As much of a request as these questions look at. */
interface Headed {
  readonly headers: IncomingHttpHeaders;
}

/** A set of origins, as browsers send them in `Origin`. */
export interface Origins {
  has(origin: string): boolean;
}

export interface CrossSiteRule {
  /** Origins whose pages may send unsafe requests. */
  readonly allowed: Origins;
  /**
   * `listed`: `Sec-Fetch-Site: same-origin` passes; else `Origin` must be allowed; without either header the client is no
   * browser, and must send `X-CSRF: 1`, which no cross-site form can, or no cookie. `browser`: as `listed`, but the
   * browser itself must name its page, and what it says of the site counts more than the list.
   * @defaultValue `'listed'`
   */
  readonly proof?: 'listed' | 'browser';
  /**
   * When a body must be JSON, which a cross-site form cannot send. `unproven`: unless the browser says that the page is of
   * our own origin. @defaultValue `'never'`
   */
  readonly json?: 'always' | 'unproven' | 'never';
  /** Whether the handshake of a WebSocket is judged like an unsafe method: it can do anything later (RFC 6455 §10.2). @defaultValue `false` */
  readonly sockets?: boolean;
}

/**
 * Throws for an unsafe request that a page of another site may have sent: CROSS_SITE_REQUEST (403), or
 * UNSUPPORTED_MEDIA_TYPE (415) for a body that must be JSON and is not. All code that refuses by origin calls it.
 */
export function refuseCrossSite(
  request: Headed & { readonly method?: string | undefined },
  { allowed, proof = 'listed', json = 'never', sockets = false }: CrossSiteRule,
): void {
  const opensSocket = sockets && request.headers.upgrade !== undefined;
  if (isSafeMethod(request.method ?? 'GET') && !opensSocket) return;
  const isOurs = proof === 'browser' ? isFromOwnPage : isFromAllowedPage;
  if (!isOurs(request, allowed)) throw hasNamedPage(request) ? wrongPage : noPage;
  if (json === 'never' || (json === 'unproven' && isSameOrigin(request))) return;
  if (hasBody(request) && !isJson(request)) throw notJson;
}

const wrongPage = reusableError('CROSS_SITE_REQUEST', {
  detail:
    'The page that sent this request is not of an allowed origin. The application names allowed origins in AUTH_PUBLIC_URL and AUTH_CORS_ORIGINS, each exactly.',
});
const noPage = reusableError('CROSS_SITE_REQUEST', {
  detail:
    'This request does not say which page sent it. A client that is no browser sends X-CSRF: 1 along with a cookie.',
});
const notJson = reusableError('UNSUPPORTED_MEDIA_TYPE');

/** Whether the method promises to change nothing (RFC 9110 §9.2.1). */
export function isSafeMethod(method: string): boolean {
  return safeMethods.has(method);
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a browser asks by which methods and headers it may send a request (Fetch §3.2.2). Other OPTIONS requests are the application's own. */
export function isPreflight({
  method,
  headers,
}: Headed & { readonly method?: string | undefined }): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

function isSameOrigin({ headers }: Headed): boolean {
  return headers['sec-fetch-site'] === 'same-origin';
}

function isFromAllowedPage(request: Headed, allowed: Origins): boolean {
  const { headers } = request;
  if (isSameOrigin(request)) return true;
  if (headers.origin !== undefined) return allowed.has(headers.origin);
  // A browser that tells where a request comes from has just said: not from us.
  if (headers['sec-fetch-site'] !== undefined) return false;
  return headers['x-csrf'] === '1' || headers.cookie === undefined;
}

function isFromOwnPage(request: Headed, own: Origins): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers;
  if (site !== undefined) return isSameOrigin(request);
  return origin !== undefined && own.has(origin);
}

function hasNamedPage({ headers }: Headed): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
}

/**
 * Whether a browser asks for a page to show, not a script for data (Fetch Metadata). Old browsers, and all over plain
 * http, don't say; then `Accept` decides.
 */
export function isNavigation({ method, headers }: Headed & { readonly method?: string }): boolean {
  if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') return false;
  const mode = headers['sec-fetch-mode'];
  if (mode !== undefined) return mode === 'navigate';
  return /(?:^|,)\s*text\/html\b/i.test(headers.accept ?? '');
}

/** Whether a browser asks for a page in a way that it can repeat after a detour, such as signing in. */
export function isPageRequest(request: Headed & { readonly method?: string }): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && isNavigation(request);
}

/** Whether a browser fetches ahead of a navigation that may never happen. */
export function isPrefetch({ headers }: Headed): boolean {
  return /prefetch|prerender/i.test(String(headers['sec-purpose'] ?? headers['purpose'] ?? ''));
}

export function hasBody({ headers }: Headed): boolean {
  // Adapters of serverless platforms make the length a number.
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

export function isJson({ headers }: Headed): boolean {
  return /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(headers['content-type'] ?? '');
}
