import { isUtf8 } from 'node:buffer';
import { isRecord } from '../../is-record.js';

/** Longest token that is read unless an application says otherwise, in characters: as much as Node lets headers take in all. */
export const MAX_TOKEN_LENGTH = 16_384;

/** Deepest nesting of a header or payload. */
const MAX_DEPTH = 32;

const THREE_SEGMENTS = /^[\w-]+\.[\w-]+\.[\w-]+$/;
// The key is empty where both sides share one (`alg: dir`).
const FIVE_SEGMENTS = /^[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/;
// RFC 6750 §2.1, b64token
const BEARER_TOKEN = /^[\w.~+/-]+=*$/;
// The characters whose unused low bits are zero, for a last group of two and of three characters.
const CANONICAL_LAST_OF_2 = /[AQgw]/;
const CANONICAL_LAST_OF_3 = /[AEIMQUYcgkosw048]/;

/** Why a text is no token that we read: an encrypted one (RFC 7516), one without segments, or none at all. */
export type ShapeFlaw = 'encrypted' | 'opaque' | 'malformed';

/**
 * Returns whether the text has the one shape of token that we read (RFC 7515 §7.1): three segments of
 * base64url, none empty, no padding, no white space, canonical last characters. Equal bytes therefore
 * have one spelling, which caches and deny-lists rely on. Decodes nothing.
 */
export function hasTokenShape(token: string, maxLength: number = MAX_TOKEN_LENGTH): boolean {
  if (token.length > maxLength || !THREE_SEGMENTS.test(token)) return false;
  const headerEnd = token.indexOf('.');
  const payloadEnd = token.indexOf('.', headerEnd + 1);
  return (
    isCanonical(token, 0, headerEnd) &&
    isCanonical(token, headerEnd + 1, payloadEnd) &&
    isCanonical(token, payloadEnd + 1, token.length)
  );
}

/** Tells why a text has not that shape. Looks at a few characters or at one pattern; decodes nothing. */
export function shapeFlawOf(token: string, maxLength: number): ShapeFlaw {
  if (token.length > maxLength) return 'malformed';
  if (FIVE_SEGMENTS.test(token)) return 'encrypted';
  const hasThreeSegments = countDots(token, 3) === 2;
  return hasThreeSegments || !BEARER_TOKEN.test(token) ? 'malformed' : 'opaque';
}

/** Shortest token that an issuer is asked about, in characters: 16 of base64url are 96 bits. */
const MIN_OPAQUE_LENGTH = 16;

/**
 * Returns whether the text may be an opaque token, which says nothing to us: a bearer token (RFC 6750 §2.1) of at least 16
 * characters that is not three segments with a JSON object as header. A JWT in a bad spelling is none, so that it
 * gets no second chance.
 */
export function isOpaque(token: string): boolean {
  return token.length >= MIN_OPAQUE_LENGTH && BEARER_TOKEN.test(token) && !isJwtLike(token);
}

function isJwtLike(token: string): boolean {
  if (countDots(token, 3) !== 2) return false;
  const header = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url');
  return isRecord(parseJson(header.toString('utf8')));
}

/** Stops counting at `most`. */
function countDots(text: string, most: number): number {
  let count = 0;
  for (let at = text.indexOf('.'); at >= 0 && count < most; at = text.indexOf('.', at + 1))
    count += 1;
  return count;
}

function isCanonical(token: string, start: number, end: number): boolean {
  const rest = (end - start) & 3;
  if (rest === 0) return true;
  if (rest === 1) return false;
  return (rest === 2 ? CANONICAL_LAST_OF_2 : CANONICAL_LAST_OF_3).test(token.charAt(end - 1));
}

/**
 * Decodes one segment into a JSON object. Returns undefined for anything else: invalid UTF-8, a byte order
 * mark, other JSON values, nesting deeper than 32, or a member that stands twice (RFC 7519 §4 leaves the
 * choice; two parsers that choose differently make a hole).
 * Members named `__proto__`, `prototype` and `constructor` are dropped.
 */
export function decodeJsonObject(segment: string): Record<string, unknown> | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  return isUtf8(bytes) ? parseJsonObject(bytes.toString('utf8')) : undefined;
}

/** Parses a JSON object as strictly as {@link decodeJsonObject}. */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  if (!isRecord(value)) return undefined;
  return cleanMembers(value, 0) === countMemberSeparators(text) ? value : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Drops members with forbidden names. Returns how many members there were in all, NaN if nested too deep. */
function cleanMembers(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth === MAX_DEPTH) return Number.NaN;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += cleanMembers(item, depth + 1);
  } else if (isRecord(value)) {
    for (const name of Object.keys(value)) {
      count += 1 + cleanMembers(value[name], depth + 1);
      if (isForbiddenName(name)) delete value[name];
    }
  }
  return count;
}

/** Names through which a careless merge reaches an object's prototype. */
function isForbiddenName(name: string): boolean {
  return name === '__proto__' || name === 'constructor' || name === 'prototype';
}

/** Counts the colons outside strings of a valid JSON text: one for each member as it was written. */
function countMemberSeparators(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === 0x3a) count += 1;
    else if (char === 0x22) at = endOfString(text, at);
  }
  return count;
}

/** Index of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}
