import { createPublicKey } from 'node:crypto';
import { formsOf, isLeakedSecret } from './leaked-secrets.js';
import { isBrokenBase64, secretBytes } from './secret-bytes.js';
import { visiblePart } from './visible-part.js';

/**
 * What makes a secret unfit to sign with, as the end of a sentence ("is blank"), or undefined when nothing does.
 * Judges length, variety, left-over examples, and public keys in the wrong place; not whether it is known: see
 * {@link publicSecretFlaw}. Never quotes the secret.
 */
export function secretFlaw(secret: unknown, minBytes: number): string | undefined {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array))
    return 'is neither text nor bytes';
  if (isBrokenBase64(secret)) return 'has no base64 after base64:';
  const bytes = secretBytes(secret);
  const text = visiblePart(bytes.toString('utf8'));
  if (text === '') return 'is blank';
  if (isKeyMaterial(text)) return 'is a key, certificate or key set, and public ones are no secret';
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

/**
 * Why others may know a secret that {@link secretFlaw} finds nothing wrong with, as the end of a sentence; undefined when
 * nothing is known against it. Looks at the secret, at it without white space around it, and decoded from base64.
 */
export function publicSecretFlaw(secret: string | Uint8Array): string | undefined {
  const bytes = secretBytes(secret);
  if (isLeakedSecret(bytes)) return 'is on a public list of leaked secrets';
  const text = visiblePart(bytes.toString('utf8'));
  // Only text can be base64: of random bytes that are read as such a few are left, which easily repeat themselves.
  const forms = /^[\s\x20-\x7E]*$/.test(text) ? formsOf(text) : [Buffer.from(text)];
  return [bytes, ...forms].some(isRepetition) ? 'is one word, repeated' : undefined;
}

/** Whether the text is one sequence over and over, whatever the case of letters, the last one cut short or not. */
function isRepetition(bytes: Buffer): boolean {
  const text = visiblePart(bytes.toString('latin1')).toLowerCase();
  // `banana-1, banana-2, …` is no better.
  const letters = text.replace(/[^a-z]/g, '');
  return isPeriodic(text) || (letters.length >= 12 && isPeriodic(letters));
}

function isPeriodic(text: string): boolean {
  for (let length = 1; length <= text.length / 2; length += 1)
    if (text.startsWith(text.slice(length))) return true;
  return false;
}
