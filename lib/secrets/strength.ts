import { createPublicKey } from 'node:crypto';

/** White space and characters that nobody sees: a secret file easily gets them at its edges. */
const INVISIBLE_EDGES = /^[\s\uFEFF\u200B-\u200F\u2060]+|[\s\uFEFF\u200B-\u200F\u2060]+$/g;

/** The text without invisible edges. */
export function visiblePart(text: string): string {
  return text.replace(INVISIBLE_EDGES, '');
}

/**
 * What makes a secret unfit to sign with, as the end of a sentence ("is blank"), or undefined when nothing does.
 * Judges length, variety, left-over examples, and public keys in the wrong place. Never quotes the secret.
 */
export function secretFlaw(secret: unknown, minBytes: number): string | undefined {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array))
    return 'is neither text nor bytes';
  const bytes = Buffer.from(secret);
  const text = visiblePart(bytes.toString('utf8'));
  if (text === '') return 'is blank';
  if (isKeyMaterial(text))
    return 'is a key, certificate or key set, and a public one is known to everybody';
  if (isPlaceholder(text)) return 'is a placeholder';
  if (bytes.length < minBytes) return `is shorter than ${minBytes} bytes`;
  return new Set(bytes).size < 8 ? 'repeats fewer than 8 different bytes' : undefined;
}

/** PEM, SSH or DER keys, also in base64, and JSON in the shape of a JWK, a JWK Set or a list of JWKs. */
function isKeyMaterial(text: string): boolean {
  if (text.includes('-----BEGIN') || /^(?:ssh|ecdsa)-[\w-]+ /.test(text)) return true;
  if (/^[[{]/.test(text) && /"(?:kty|keys)"\s*:/.test(text)) return true;
  const decoded = Buffer.from(text, 'base64');
  return decoded.includes('-----BEGIN') || isPublicKey(decoded);
}

function isPublicKey(der: Buffer): boolean {
  try {
    createPublicKey({ key: der, format: 'der', type: 'spki' });
    return true;
  } catch {
    return false;
  }
}

/** Words of example secrets. */
const PLACEHOLDER_WORDS =
  /(?:0?123456789?0?)+|(?<!\d)\d{1,3}(?!\d)|abcdef(?:ghijklmnopqrstuvwxyz)?|qwerty(?:uiop)?|super|secret|password|passphrase|placeholder|change|replace|default|example|sample|insert|please|production|development|testing|test|dummy|token|jwt|auth|with|your|this|here|goes|key|dev|my|me|in|a|the|at|least|long|random|string|characters|chars|bits?|bytes?|min|and|that|is|very|[^a-z\d]/g;

/** Without these words nearly all of a random secret is still there. Bytes that are no text hold no words. */
function isPlaceholder(text: string): boolean {
  if (!/^[\x20-\x7E]*$/.test(text)) return false;
  const rest = text.toLowerCase().replace(PLACEHOLDER_WORDS, '').length;
  return rest < 8 && rest < text.length / 4;
}
