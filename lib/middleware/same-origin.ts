import type { Request, RequestHandler } from 'express';
import { reusableError } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import { parseOriginList } from '../origin-list.js';

export interface SameOriginOptions {
  /**
   * Origins whose pages may send unsafe requests, compared exactly. List the application's own too: older
   * browsers, and all of them over plain http, send `Origin` but no `Sec-Fetch-Site`. @defaultValue none
   */
  readonly origins?: readonly string[];
  /** Whether a request with a body must be JSON, which a cross-site form cannot send. @defaultValue `true` */
  readonly requireJson?: boolean;
}

/**
 * Refuses unsafe requests (all but GET, HEAD, OPTIONS) that another site's page may have sent. In this order:
 * `Sec-Fetch-Site: same-origin` passes; else `Origin` must be listed; without either header the sender is no
 * browser, and must say `X-CSRF: 1` or send no cookie. `same-site` is refused, since sub-domains are often
 * somebody else's, and so is `none`: a user who types an address causes a GET.
 * Errors: CROSS_SITE_REQUEST (403), UNSUPPORTED_MEDIA_TYPE (415).
 */
export function sameOrigin(options: SameOriginOptions = {}): RequestHandler {
  refuseUnknownOptions('sameOrigin()', options, ['origins', 'requireJson']);
  const { origins = [], requireJson = true } = options;
  const allowed = new Set(parseOriginList('sameOrigin() origins', origins));
  return function sameOriginMiddleware(req, _res, next) {
    if (!safeMethods.has(req.method)) {
      if (!comesFromUs(req, allowed)) throw crossSite;
      if (requireJson && hasBody(req) && !isJson(req)) throw notJson;
    }
    next();
  };
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const crossSite = reusableError('CROSS_SITE_REQUEST');
const notJson = reusableError('UNSUPPORTED_MEDIA_TYPE');

function comesFromUs({ headers }: Request, allowed: ReadonlySet<string>): boolean {
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin') return true;
  if (headers.origin !== undefined) return allowed.has(headers.origin);
  // A browser that tells where a request comes from has just said: not from us.
  if (site !== undefined) return false;
  return headers['x-csrf'] === '1' || headers.cookie === undefined;
}

function hasBody({ headers }: Request): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    (headers['content-length'] !== undefined && headers['content-length'] !== '0')
  );
}

function isJson({ headers }: Request): boolean {
  return /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(headers['content-type'] ?? '');
}
