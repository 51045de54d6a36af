import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** 62^6 is more than 2^32. */
const CHECKSUM_LENGTH = 6;

/** Digits of base 62, each as likely as the others: a byte past the last full round is thrown away. */
export function randomDigits(length: number): string {
  let text = '';
  while (text.length < length)
    for (const byte of randomBytes(length))
      if (byte < 248 && text.length < length) text += DIGITS.charAt(byte % 62);
  return text;
}

/**
 * The CRC-32 of a secret without its checksum. Scanners for leaked secrets tell a real one from a text that only looks like it, and one
 * that was cut off in copying is known as such. It adds nothing to the secrecy.
 */
export function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place += 1) {
    text = DIGITS.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** Whether a text ends with its own checksum. */
export function hasChecksum(text: string): boolean {
  const body = text.slice(0, -CHECKSUM_LENGTH);
  return text === body + checksumOf(body);
}
