import type { Origins } from './cross-site.js';

export interface OriginOptions {
  /** Whether `https://*.example.com` is taken: all hosts one level below. @defaultValue `false` */
  readonly patterns?: boolean;
}

/**
 * Reads a list of web origins (RFC 6454 §6.2), each exactly as a browser sends it: scheme, host and
 * port where it is not the scheme's own. Anything else would never match, so it is refused here.
 * The result keeps the order and drops repetitions.
 */
export function parseOriginList(
  setting: string,
  list: unknown,
  options?: OriginOptions,
): readonly string[] {
  if (!Array.isArray(list))
    throw new TypeError(`${setting} takes a list, such as ['https://app.example']`);
  const origins = list.map((value: unknown, index) => {
    const cure = originCure(value, options);
    if (typeof value === 'string' && cure === undefined) return value;
    // The value itself is left out of the message: it may hold a password (https://user:password@host).
    throw new TypeError(`${setting}[${index}] is not an origin; ${cure}`);
  });
  return Object.freeze([...new Set(origins)]);
}

/** How to correct what is not an origin; undefined for one. */
export function originCure(
  value: unknown,
  { patterns = false }: OriginOptions = {},
): string | undefined {
  if (typeof value !== 'string') return "write a text such as 'https://app.example'";
  if (isOrigin(value) || (patterns && isPattern(value))) return undefined;
  if (value.toLowerCase() === 'null')
    return "sandboxed frames and local files all send 'null', so it cannot be allowed; serve the page from an origin of its own";
  if (value.includes('*'))
    return patterns
      ? 'write https://*.example.com for the hosts one level below a domain of yours, or list every origin'
      : 'list every origin; wildcards are not possible here';
  return `write ${correctedOrigin(value.trim()) ?? 'https://app.example.com'}`;
}

function isOrigin(text: string): boolean {
  // Stricter than URLs are: an origin also becomes part of a policy's text.
  if (/^https?:/i.test(text))
    return (
      /^https?:\/\/(?:[a-z\d._-]+|\[[\da-f:.]+\])(?::\d+)?$/.test(text) &&
      URL.canParse(text) &&
      new URL(text).origin === text
    );
  // Wrapped mobile and desktop apps and browser extensions, e.g. capacitor://localhost.
  return /^(?!file:)[a-z][a-z\d+.-]*:\/\/[a-z\d.-]+(?::\d+)?$/.test(text);
}

/** An https origin whose first label is `*`, below a domain that one owner has. */
function isPattern(text: string): boolean {
  const [, domain] = /^https:\/\/\*\.([a-z\d-]+(?:\.[a-z\d-]+)+)(?::\d+)?$/.exec(text) ?? [];
  return domain !== undefined && isOrigin(text.replace('*', 'a')) && !isShared(domain);
}

/**
 * Whether strangers can get hosts below this domain. Knows the usual second levels of countries and large hosters, not
 * the whole Public Suffix List: a pattern belongs below a domain of one's own.
 */
function isShared(domain: string): boolean {
  return /^(?:ac|co|com|edu|go|gov|ne|net|or|org)\.[a-z]{2}$/.test(domain) || hosters.has(domain);
}

const hosters: ReadonlySet<string> = new Set([
  'amplifyapp.com',
  'appspot.com',
  'azurestaticapps.net',
  'azurewebsites.net',
  'cloudfront.net',
  'firebaseapp.com',
  'fly.dev',
  'github.io',
  'gitlab.io',
  'glitch.me',
  'herokuapp.com',
  'netlify.app',
  'ngrok-free.app',
  'ngrok.app',
  'ngrok.io',
  'onrender.com',
  'pages.dev',
  'repl.co',
  'run.app',
  'surge.sh',
  'trycloudflare.com',
  'vercel.app',
  'web.app',
  'workers.dev',
]);

function correctedOrigin(text: string): string | undefined {
  const local = /^(?:localhost|127\.)/i.test(text);
  const url = text.includes('://') ? text : `${local ? 'http' : 'https'}://${text}`;
  const origin = URL.canParse(url) ? new URL(url).origin : 'null';
  return isOrigin(origin) ? origin : undefined;
}

/** Prepares look-ups in a list that {@link parseOriginList} has read. In a pattern `*` stands for exactly one label. */
export function createOriginSet(list: readonly string[]): Origins {
  const exact = new Set(list.filter((origin) => !origin.includes('*')));
  const ends = list.filter((origin) => origin.includes('*')).map((origin) => origin.split('*')[1]);
  const isBelow = (origin: string): boolean => {
    const [, rest] = /^https:\/\/[a-z\d_-]{1,63}(\..*)$/.exec(origin) ?? [];
    return rest !== undefined && ends.includes(rest);
  };
  return { has: (origin) => exact.has(origin) || (ends.length > 0 && isBelow(origin)) };
}
