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

export function hasBody({ headers }: Headed): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    (headers['content-length'] !== undefined && headers['content-length'] !== '0')
  );
}

export function isJson({ headers }: Headed): boolean {
  return /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(headers['content-type'] ?? '');
}
