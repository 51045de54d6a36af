import type { RequestHead } from '../credentials.js';
import { withinPublicPath } from '../../http/redirects.js';

/** Where an application is reached. */
export interface PublicAddresses {
  /** AUTH_PUBLIC_URL, which may have a path. */
  readonly publicUrl: string | undefined;
  /** Further origins, without a path. */
  readonly origins: readonly string[];
}

/**
 * Returns which URLs stand for a path of ours: one for each of our addresses. Never by
 * `Host` or `X-Forwarded-*`, which anyone can write. In the form of {@link comparableUri}; empty for a path that has none.
 */
export function createTargets({
  publicUrl,
  origins,
}: PublicAddresses): (path: string) => readonly string[] {
  const main = publicUrl === undefined ? undefined : new URL(publicUrl);
  const publicPath = main?.pathname.replace(/\/+$/, '') ?? '';
  const others = origins.map((origin) => new URL(origin).origin);
  return (given) => {
    const path = comparablePath(given);
    if (path === undefined) return [];
    // A proxy may have removed the path that the application lives under.
    const here = main ? [`${main.origin}${withinPublicPath(path, publicPath)}`] : [];
    return [...here, ...others.map((origin) => `${origin}${path}`)];
  };
}

/** The path of a request, whole also where Express has mounted the route below one. */
export function pathOf({ originalUrl, url = '' }: RequestHead): string {
  const [path = ''] = (originalUrl ?? url).split(/[?#]/, 1);
  return path;
}

const HTTP_URI = /^(https?:\/\/[\w.:[\]-]+)([^?#]*)/i;

/**
 * Returns a URI in the one form in which two that mean the same are equal (RFC 3986 §6.2.2, §6.2.3; RFC 9449 §4.3): scheme and host in
 * lower case, without the scheme's own port, query and fragment, and what needs no percent-encoding without it. Undefined for what is
 * no absolute http(s) URI, and for one with credentials.
 */
export function comparableUri(uri: string): string | undefined {
  const [, base, path = ''] = HTTP_URI.exec(uri) ?? [];
  if (base === undefined || !URL.canParse(base)) return undefined;
  const comparable = comparablePath(path === '' ? '/' : path);
  return comparable === undefined ? undefined : `${new URL(base).origin}${comparable}`;
}

/**
 * Dot segments are not removed but refused: Express routes by the path as it was sent, so that a path with them is another route than
 * the one that the sender meant.
 */
function comparablePath(path: string): string | undefined {
  if (!path.startsWith('/')) return undefined;
  const decoded = path.replace(/%[\da-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : encoded.toUpperCase();
  });
  return /\/\.{1,2}(?:\/|$)/.test(decoded) ? undefined : decoded;
}
