import type { IncomingHttpHeaders, OutgoingHttpHeader } from 'node:http';
import { AuthError } from '../errors.js';

/** The cookies we set, by what they are for. */
export type CookiePurpose =
  | 'session'
  | 'device'
  | 'notice'
  | 'invitation'
  | `login-${string}`
  | `exchange-${string}`;

interface Responding {
  getHeader(name: string): OutgoingHttpHeader | undefined;
  setHeader(name: string, value: string | readonly string[]): unknown;
}

/** Reads and sets our cookies. HttpOnly, SameSite=Lax, Path=/, and no Domain, always (RFC 6265bis §4.1). */
export interface Cookies {
  /** What browsers know the cookie by. */
  nameOf(purpose: CookiePurpose): string;
  /** Undefined without one. INVALID_REQUEST (400) for two of one name that differ: one of them was planted. */
  read(
    request: { readonly headers: IncomingHttpHeaders },
    purpose: CookiePurpose,
  ): string | undefined;
  /** The purposes, beginning with `prefix`, of the cookies that a request has. */
  purposes(
    request: { readonly headers: IncomingHttpHeaders },
    prefix: 'login-' | 'exchange-',
  ): readonly CookiePurpose[];
  /** The value is of characters that need no quoting (RFC 6265 §4.1.1): base64url, dots. */
  set(response: Responding, purpose: CookiePurpose, cookie: CookieValue): void;
  /** With the request, also those that a page, or another port of this machine, has set for a part of its path. */
  clear(response: Responding, purpose: CookiePurpose, request?: Located): void;
  /**
   * Like {@link read} for a browser that shows pages, where an error would return with every request. All values: of several
   * that differ one was planted, nobody can tell which, and the response removes them all.
   */
  settle(
    request: Located & { readonly headers: IncomingHttpHeaders },
    response: Responding,
    purpose: CookiePurpose,
  ): readonly string[];
}

/** Express' request says where it was sent. */
interface Located {
  readonly originalUrl?: string;
}

interface CookieValue {
  readonly value: string;
  readonly maxAgeSeconds: number;
}

export interface CookieOptions {
  /** What every name begins with, after `__Host-`. */
  readonly name: string;
  /**
   * Adds the prefix `__Host-` and `Secure`: browsers then accept the cookie from our host over https only, and neither
   * a sub-domain nor the network can plant one. False is for http on localhost, in development.
   */
  readonly secure: boolean;
}

/** Prepares cookies named `__Host-<name>-<purpose>`. */
export function createCookies({ name, secure }: CookieOptions): Cookies {
  const nameOf = (purpose: CookiePurpose): string => `${secure ? '__Host-' : ''}${name}-${purpose}`;
  const attributesFor = (path: string): string =>
    `Path=${path}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;

  function set(
    response: Responding,
    purpose: CookiePurpose,
    { value, maxAgeSeconds }: CookieValue,
  ): void {
    const line = `${nameOf(purpose)}=${value}; Max-Age=${maxAgeSeconds}; ${attributesFor('/')}`;
    replaceCookie(response, line);
  }

  function clear(response: Responding, purpose: CookiePurpose, request?: Located): void {
    // `__Host-` has one path only.
    const paths = secure || !request ? ['/'] : pathsAbove(request.originalUrl ?? '/');
    for (const path of paths)
      replaceCookie(response, `${nameOf(purpose)}=; Max-Age=0; ${attributesFor(path)}`);
  }

  return Object.freeze({
    nameOf,
    read: ({ headers }: { readonly headers: IncomingHttpHeaders }, purpose: CookiePurpose) =>
      readCookie(headers.cookie, nameOf(purpose)),
    purposes(
      { headers }: { readonly headers: IncomingHttpHeaders },
      prefix: 'login-' | 'exchange-',
    ) {
      const start = nameOf(prefix);
      const names = pairsOf(headers.cookie).map((pair) => pair.split('=', 1)[0] ?? '');
      const rests = names
        .filter((cookie) => cookie.startsWith(start))
        .map((cookie) => cookie.slice(start.length));
      return [...new Set(rests)].map((rest): CookiePurpose => `${prefix}${rest}`);
    },
    set,
    clear,
    settle(request, response, purpose) {
      const values = valuesOf(request.headers.cookie, nameOf(purpose));
      if (values.length > 1) clear(response, purpose, request);
      return values;
    },
  } satisfies Cookies);
}

const MOST_PATHS = 20;

/** Every `Path` that the cookies of a request can have (RFC 6265 §5.1.4). */
function pathsAbove(url: string): readonly string[] {
  const [path = '/'] = url.split(/[?#]/, 1);
  const ends = [...path.matchAll(/\//g)].flatMap(({ index }) => [index, index + 1]);
  const paths = [...ends, path.length].map((end) => path.slice(0, end) || '/');
  return [...new Set(paths)]
    .filter((each) => /^[\x21-\x3A\x3C-\x7E]+$/.test(each))
    .slice(0, MOST_PATHS);
}

function readCookie(header: string | undefined, name: string): string | undefined {
  const values = valuesOf(header, name);
  if (values.length > 1) throw new AuthError('INVALID_REQUEST', { reason: 'repeated_cookie' });
  return values[0];
}

/** Those that differ. */
function valuesOf(header: string | undefined, name: string): readonly string[] {
  const prefix = `${name}=`;
  const values = pairsOf(header)
    .filter((pair) => pair.startsWith(prefix))
    .map((pair) => pair.slice(prefix.length));
  const different = [...new Set(values)];
  return different.length === 1 && different[0] === '' ? [] : different;
}

function pairsOf(header = ''): readonly string[] {
  return header.split(';').map((pair) => pair.trim());
}

/** A later decision about a cookie replaces an earlier one of the same response. */
function replaceCookie(response: Responding, line: string): void {
  const others = [response.getHeader('Set-Cookie') ?? []]
    .flat()
    .map(String)
    .filter((other) => placeOf(other) !== placeOf(line));
  response.setHeader('Set-Cookie', [...others, line]);
}

/** Name and path of a cookie. */
function placeOf(line: string): string {
  return `${line.split('=', 1)[0] ?? ''};${/; Path=([^;]*)/i.exec(line)?.[1] ?? ''}`;
}
