import { browser } from './browser.js';

/** A scheme, a host, and what URL parsers drop or take for a slash. */
const ELSEWHERE = /^(?:[a-z][a-z\d+.-]*:|\/\/)|[\\\p{Cc}]/iu;

/** A query or a fragment has no place before a path. URLs of other schemes have no paths, or no host. */
const BASE = /^https?:[^?#]*$/;

/** Reads `baseUrl`: what all paths are below. Ends in a slash. */
export function readBase(baseUrl: string): URL {
  const page = browser.location?.href;
  const base = URL.canParse(baseUrl, page) && new URL(baseUrl, page);
  if (!base || !BASE.test(base.href))
    throw new TypeError('baseUrl must be a URL, or a path of a page');
  base.pathname = base.pathname.replace(/\/*$/, '/');
  return base;
}

/**
 * Returns the URL of a path below the base. Throws a TypeError for a path that names a scheme or a host, has a backslash or a control character, or
 * leaves the base by `..`, also for servers that take an encoded slash for a slash: the token would go where it must not.
 */
export function urlBelow(base: URL, path: string): URL {
  if (typeof path === 'string' && !ELSEWHERE.test(path)) {
    // Joined as text: no path can name another host.
    const join = (tail: string) => new URL(base.origin + base.pathname + tail.replace(/^\//, ''));
    const decoded = path.replace(/%2f|%5c/gi, '/');
    const isBelow = (url: URL): boolean => url.pathname.startsWith(base.pathname);
    if (isBelow(join(path)) && isBelow(join(decoded))) return join(path);
  }
  throw new TypeError('path must be relative to baseUrl');
}
