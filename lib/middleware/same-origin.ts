import type { RequestHandler } from 'express';
import { describeGuard } from '../audit/guard-facts.js';
import { refuseCrossSite } from '../http/cross-site.js';
import { refuseUnknownOptions } from '../known-options.js';
import { parseOriginList } from '../http/origin-list.js';

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
 * browser, and must say `X-CSRF: 1` or send no cookie. `same-site` is refused, since sub-domains often
 * have other owners, and so is `none`: a user who types an address causes a GET.
 *
 * @example
 * ```ts
 * app.use('/api', sameOrigin({ origins: ['https://app.example'] }));
 * ```
 *
 * Errors: CROSS_SITE_REQUEST (403), UNSUPPORTED_MEDIA_TYPE (415).
 */
export function sameOrigin(options: SameOriginOptions = {}): RequestHandler {
  refuseUnknownOptions('sameOrigin()', options, ['origins', 'requireJson']);
  const { origins = [], requireJson = true } = options;
  const allowed = new Set(parseOriginList('sameOrigin() origins', origins));
  const rule = { allowed, json: requireJson ? 'always' : 'never' } as const;
  const guard: RequestHandler = function sameOriginMiddleware(req, _res, next) {
    try {
      refuseCrossSite(req, rule);
    } catch (error) {
      next(error);
      return;
    }
    next();
  };
  return describeGuard({ kind: 'sameOrigin' }, guard);
}
