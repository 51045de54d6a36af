import { readHttpHosts } from '../http/bounded-fetch.js';
import { isFieldName } from '../http/field-names.js';
import { isLoopback } from '../http/is-loopback.js';
import { safeReturnTo } from '../http/redirects.js';
import { originCure, type OriginOptions } from '../http/origin-list.js';
import { storeUrlProblem } from '../stores/store-url.js';
import { list, readText, Refusal } from './values.js';

/** http or https; no credentials, no fragment. */
function parseWebUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw new Refusal('is not an http(s) URL', 'write it like https://app.example.com');
  if (url.username !== '' || url.password !== '')
    throw new Refusal('holds credentials', 'remove the part before the @');
  if (text.includes('#')) throw new Refusal('has a fragment', 'remove the # and what follows');
  return url;
}

function refuseHttp(url: URL): URL {
  if (url.protocol === 'http:' && !isLoopback(url))
    throw new Refusal('uses http', 'use https; http is for localhost only');
  return url;
}

function refuseQuery(url: URL): URL {
  if (url.href.includes('?')) throw new Refusal('has a query', 'remove the ? and what follows');
  return url;
}

/** https, or http on loopback; no query either. */
function parseBaseUrl(text: string): URL {
  return refuseQuery(refuseHttp(parseWebUrl(text)));
}

export function readPublicUrl(input: unknown): string {
  const { origin, pathname } = parseBaseUrl(readText(input));
  const path = pathname.replace(/\/+$/, '');
  // Links and redirects begin with it, so it must not be one that a browser or a proxy reads in another way.
  if (path !== '' && (path.includes('//') || safeReturnTo(path) !== path))
    throw new Refusal(
      'has a path that links cannot begin with',
      'write it like https://example.com/app',
    );
  return `${origin}${path}`;
}

/** A place on the application's own origin. */
export function readOwnPath(input: unknown): string {
  const text = readText(input);
  const place = safeReturnTo(text);
  if (place !== '/' || text === '/') return place;
  throw new Refusal('is no path on this origin', 'write a path, e.g. /welcome');
}

/**
 * An issuer that we ask for its metadata. Kept as written: issuers are compared character by character. Whether it may be http depends
 * on other settings.
 */
export function readIssuerUrl(input: unknown): string {
  const text = readText(input);
  refuseQuery(parseWebUrl(text));
  return text;
}

/** Where keys are fetched. Whether that may go over http depends on other settings. */
export function readKeysUrl(input: unknown): string {
  return parseWebUrl(readText(input)).href;
}

/** A host, with a port or for all of its ports. */
export function readHttpHost(input: unknown): string {
  const text = readText(input).toLowerCase();
  try {
    readHttpHosts([text], 'host');
  } catch {
    throw new Refusal('is no host', 'write the host, with or without a port: keycloak:8080');
  }
  return text;
}

/** `iss` of tokens, which need not be a URL; if it is one, it holds no credentials. */
export function readIssuerName(input: unknown): string {
  const text = readText(input);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.username !== '' || url.password !== ''))
    throw new Refusal('holds credentials', 'remove the part before the @');
  return text;
}

export function readStoreUrl(input: unknown): string {
  const text = readText(input);
  const wrong = storeUrlProblem(text);
  if (wrong) throw new Refusal(wrong.problem, wrong.cure);
  return text;
}

/** Exactly what a browser sends in `Origin` (RFC 6454 §6.2). */
function readOrigin(input: unknown, options?: OriginOptions): string {
  const text = readText(input);
  const cure = originCure(text, options);
  if (cure === undefined) return text;
  throw new Refusal('is not an origin', cure);
}

/** `*`, or exact origins and patterns of one level, such as `https://*.example.com`. */
export function readCorsOrigins(input: unknown): readonly string[] {
  const origins = list((item) => (item === '*' ? '*' : readOrigin(item, { patterns: true })))(
    input,
  );
  if (origins.includes('*') && origins.length > 1)
    throw new Refusal('has * beside other origins', 'write * alone or leave it out');
  return origins;
}

/** Origins of web servers: no app's own scheme, no pattern. */
export function readWebOrigins(input: unknown): readonly string[] {
  const origins = list((item) => readOrigin(item))(input);
  if (origins.every((origin) => /^https?:/.test(origin))) return origins;
  throw new Refusal('has an origin that is not http(s)', 'write it like https://api.example.com');
}

export function readFrameAncestors(input: unknown): readonly string[] {
  const ancestors = list((item) => {
    const keyword = /^'?(self|none)'?$/i.exec(String(item).trim())?.[1];
    return keyword ? `'${keyword.toLowerCase()}'` : readOrigin(item);
  })(input);
  if (ancestors.includes("'none'") && ancestors.length > 1)
    throw new Refusal("has 'none' beside other values", "write 'none' alone or leave it out");
  return ancestors;
}

/** The name of a header field (RFC 9110 §5.1). */
export function readFieldName(input: unknown): string {
  const text = readText(input);
  if (isFieldName(text)) return text;
  throw new Refusal('is no name of a header', 'write it like X-Request-Id; * is not possible');
}
