import type { IncomingHttpHeaders, OutgoingHttpHeader } from 'node:http';
import { AuthError } from '../errors.js';

/** The cookies we set, by what they are for. */
export type CookiePurpose =
  | 'session'
  | 'device'
  | 'notice'
  | `login-${string}`
  | `exchange-${string}`;

interface Responding {
  getHeader(name: string): OutgoingHttpHeader | undefined;
  setHeader(name: string, value: string | readonly string[]): unknown;
}

/** Reads and sets our cookies. HttpOnly, SameSite=Lax, Path=/, and no Domain, always (RFC 6265bis §4.1). */
export interface Cookies {
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
  clear(response: Responding, purpose: CookiePurpose): void;
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
  const attributes = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;

  function set(
    response: Responding,
    purpose: CookiePurpose,
    { value, maxAgeSeconds }: CookieValue,
  ): void {
    const line = `${nameOf(purpose)}=${value}; Max-Age=${maxAgeSeconds}; ${attributes}`;
    replaceCookie(response, nameOf(purpose), line);
  }

  return Object.freeze({
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
    clear: (response: Responding, purpose: CookiePurpose) =>
      set(response, purpose, { value: '', maxAgeSeconds: 0 }),
  });
}

function readCookie(header: string | undefined, name: string): string | undefined {
  const prefix = `${name}=`;
  const values = pairsOf(header)
    .filter((pair) => pair.startsWith(prefix))
    .map((pair) => pair.slice(prefix.length));
  if (new Set(values).size > 1)
    throw new AuthError('INVALID_REQUEST', { reason: 'repeated_cookie' });
  return values[0] === '' ? undefined : values[0];
}

function pairsOf(header = ''): readonly string[] {
  return header.split(';').map((pair) => pair.trim());
}

/** A later decision about a cookie replaces an earlier one of the same response. */
function replaceCookie(response: Responding, name: string, line: string): void {
  const others = [response.getHeader('Set-Cookie') ?? []]
    .flat()
    .map(String)
    .filter((other) => !other.startsWith(`${name}=`));
  response.setHeader('Set-Cookie', [...others, line]);
}
