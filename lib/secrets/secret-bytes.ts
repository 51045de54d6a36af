const PREFIX = 'base64:';

/**
 * The bytes of a secret: of `base64:…` those that it encodes (RFC 4648 §4 or §5), of any other text its UTF-8.
 * Throws a TypeError for what follows `base64:` and is none.
 *
 * @example
 * secretBytes('base64:AAECAw').length; // 4
 */
export function secretBytes(secret: string | Uint8Array): Buffer {
  if (typeof secret !== 'string' || !secret.startsWith(PREFIX)) return Buffer.from(secret);
  const encoded = secret.slice(PREFIX.length);
  if (!isBase64(encoded)) throw new TypeError('the secret has no base64 after base64:');
  return Buffer.from(encoded, 'base64');
}

/** Whether a secret announces base64 and then has something else. */
export function isBrokenBase64(secret: string | Uint8Array): boolean {
  return (
    typeof secret === 'string' &&
    secret.startsWith(PREFIX) &&
    !isBase64(secret.slice(PREFIX.length))
  );
}

/** Whether the text is base64 or base64url, with or without padding. */
function isBase64(text: string): boolean {
  return /^[\w+/-]+={0,2}$/.test(text) && text.replace(/=+$/, '').length % 4 !== 1;
}
