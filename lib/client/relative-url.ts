import { browser } from './browser.js';

/** A scheme, a host, and what URL parsers drop or take for a slash. */
const ELSEWHERE = /^(?:[a-z][a-z\d+.-]*:|\/\/)|[\\\p{Cc}]/iu;

/** Reads `baseUrl`: what all paths are below. Ends in a slash. */
export function readBase(baseUrl: string): URL {
  const page = browser.location?.href;
  // A query or a fragment has no place before a path.
  if (!URL.canParse(baseUrl, page) || /[?#]/.test(baseUrl))
    throw new TypeError('baseUrl must be a whole URL, or a path of a page');
  const base = new URL(baseUrl, page);
  base.pathname = base.pathname.replace(/\/*$/, '/');
  return base;
}

/**
 * Returns the URL of a path below the base. Throws a TypeError for a path that names a scheme or a host, has a backslash or a control character, or
 * leaves the base by `..`: the token would go where it must not.
 */
export function urlBelow(base: URL, path: string): URL {
  if (typeof path === 'string' && !ELSEWHERE.test(path)) {
    // Joined as text: no path can name another host.
    const url = new URL(base.origin + base.pathname + path.replace(/^\//, ''));
    if (url.pathname.startsWith(base.pathname)) return url;
  }
  throw new TypeError('path must be relative to baseUrl');
}
