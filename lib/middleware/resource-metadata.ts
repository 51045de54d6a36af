import type { Request, RequestHandler, Response } from 'express';
import { AuthError } from '../errors.js';
import { isPreflight } from '../http/cross-site.js';

/** The metadata of a protected resource (RFC 9728 §2), as far as we can tell it. */
export interface ResourceMetadata {
  readonly resource: string;
  readonly authorization_servers?: readonly string[];
  readonly scopes_supported?: readonly string[];
  readonly bearer_methods_supported: readonly 'header'[];
  readonly resource_name?: string;
  readonly resource_documentation?: string;
  readonly dpop_signing_alg_values_supported?: readonly string[];
  readonly dpop_bound_access_tokens_required?: boolean;
  readonly tls_client_certificate_bound_access_tokens?: true;
}

interface ResourceMetadataOptions {
  /** Path of the document on the origin, from `/.well-known/` on. */
  readonly path: string;
  /** Asked for each answer: guards that are made later add scopes. */
  readonly document: () => ResourceMetadata;
}

const MAX_AGE_SECONDS = 3600;

/**
 * Answers `GET` of one path with the metadata of a protected resource (RFC 9728 §3.2), and lets every other path through. The
 * document is public, so pages of every origin may read it, and caches may keep it for an hour.
 */
export function resourceMetadata({ path, document }: ResourceMetadataOptions): RequestHandler {
  return function resourceMetadataMiddleware(req, res, next) {
    if (pathOf(req) !== path) return next();
    openToPages(res);
    if (isPreflight(req)) {
      // Clients of MCP send `MCP-Protocol-Version`, which takes a preflight in browsers.
      res.setHeader('Access-Control-Allow-Methods', 'GET');
      res.setHeader('Access-Control-Allow-Headers', '*');
      res.setHeader('Access-Control-Max-Age', String(MAX_AGE_SECONDS));
      res.status(204).end();
    } else if (req.method !== 'GET' && req.method !== 'HEAD')
      next(new AuthError('METHOD_NOT_ALLOWED', { allow: ['GET', 'HEAD'] }));
    else {
      res.setHeader('Cache-Control', `public, max-age=${MAX_AGE_SECONDS}`);
      res.setHeader('X-Content-Type-Options', 'nosniff');
      res.json(document());
    }
  };
}

/** The whole path, wherever the middleware is mounted. */
function pathOf({ originalUrl }: Request): string {
  const end = originalUrl.indexOf('?');
  return end < 0 ? originalUrl : originalUrl.slice(0, end);
}

/** `securityHeaders()` may have answered for fewer origins, with cookies, which `*` excludes (Fetch §3.2.5). */
function openToPages(res: Response): void {
  res.setHeader('Access-Control-Allow-Origin', '*');
  res.removeHeader('Access-Control-Allow-Credentials');
}
