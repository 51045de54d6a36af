import type { IncomingHttpHeaders } from 'node:http';

/** As much of a request as these questions look at. */
interface Headed {
  readonly headers: IncomingHttpHeaders;
}

/** Answers whether the method promises to change nothing (RFC 9110 §9.2.1). */
export function isSafeMethod(method: string): boolean {
  return safeMethods.has(method);
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Answers whether a request comes from a page of an allowed origin or from no browser at all. In this order:
 * `Sec-Fetch-Site: same-origin`; else `Origin` must be allowed; without either header the sender is no browser,
 * and must say `X-CSRF: 1`, which no cross-site form can, or send no cookie.
 */
export function comesFromUs({ headers }: Headed, allowed: ReadonlySet<string>): boolean {
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin') return true;
  if (headers.origin !== undefined) return allowed.has(headers.origin);
  // A browser that tells where a request comes from has just said: not from us.
  if (site !== undefined) return false;
  return headers['x-csrf'] === '1' || headers.cookie === undefined;
}

/**
 * Answers whether a browser asks for a page to show, not a script for data (Fetch Metadata). Old browsers, and those
 * on plain http, don't say; there `Accept` decides.
 */
export function isNavigation({ method, headers }: Headed & { readonly method?: string }): boolean {
  if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') return false;
  const mode = headers['sec-fetch-mode'];
  if (mode !== undefined) return mode === 'navigate';
  return /(?:^|,)\s*text\/html\b/i.test(headers.accept ?? '');
}

/** Answers whether a browser asks for a page that it could ask for once more, when something has been seen to. */
export function isPageRequest(request: Headed & { readonly method?: string }): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && isNavigation(request);
}

/** Answers whether a browser fetches what nobody has asked to see yet. */
export function isPrefetch({ headers }: Headed): boolean {
  return /prefetch|prerender/i.test(String(headers['sec-purpose'] ?? headers['purpose'] ?? ''));
}

export function hasBody({ headers }: Headed): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    (headers['content-length'] !== undefined && headers['content-length'] !== '0')
  );
}

export function isJson({ headers }: Headed): boolean {
  return /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(headers['content-type'] ?? '');
}
