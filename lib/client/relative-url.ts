import { browser } from './browser.js';

/** A scheme, or a colon that could end one; a host; and what URL parsers drop or take for a slash. */
const ELSEWHERE = /^[^/?#]*:|^\/\/|[\\\p{Cc}]/u;

/** A query or a fragment has no place before a path. URLs of other schemes have no paths, or no host. */
const BASE = /^https?:\/\/[^/?#@]*\/[^?#]*$/;

/** Reads `baseUrl`: what all paths are below. A whole URL that ends in a slash. */
export function readBase(baseUrl: string): string {
  const page = browser.location?.href;
  const base = URL.canParse(baseUrl, page) ? new URL(baseUrl, page).href : '';
  if (!BASE.test(base)) throw new TypeError('baseUrl must be a URL');
  return base.replace(/\/*$/, '/');
}

/**
 * Returns the URL of a path below the base. Throws a TypeError for a path that names a scheme or a host, has a backslash or a control character, or
 * leaves the base by `..`, also for servers that take an encoded slash for a slash: the token would go where it must not.
 */
export function urlBelow(base: string, path: string): URL {
  // Joined as text: no path can name another host.
  const join = (tail: string) => new URL(base + tail.replace(/^\//, ''));
  const isBelow = (tail: string): boolean => join(tail).href.startsWith(base);
  if (ELSEWHERE.test(path) || !isBelow(path) || !isBelow(path.replace(/%2f|%5c/gi, '/')))
    throw new TypeError('path must be below baseUrl');
  return join(path);
}
