import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** 62^6 is more than 2^32. */
const CHECKSUM_LENGTH = 6;

/** Random bytes in base62, which needs no escaping anywhere. A number of bytes always gives the same number of characters. */
export function randomBase62(bytes: number): string {
  const length = Math.ceil((bytes * 8) / Math.log2(DIGITS.length));
  return base62(BigInt(`0x${randomBytes(bytes).toString('hex')}`), length);
}

/**
 * Appends the CRC-32 of a secret, in six characters. Scanners for leaked secrets tell a real one from a text that only looks like
 * it, and a secret that was cut off in copying is known as such. It adds nothing to the secrecy.
 */
export function withChecksum(text: string): string {
  return text + checksumOf(text);
}

/** Whether a text ends with its own checksum. */
export function hasChecksum(text: string): boolean {
  const start = text.slice(0, -CHECKSUM_LENGTH);
  return text.length > CHECKSUM_LENGTH && text === withChecksum(start);
}

function checksumOf(text: string): string {
  return base62(BigInt(crc32(text)), CHECKSUM_LENGTH);
}

function base62(value: bigint, length: number): string {
  const base = BigInt(DIGITS.length);
  let digits = '';
  for (let rest = value; digits.length < length; rest /= base)
    digits = DIGITS.charAt(Number(rest % base)) + digits;
  return digits;
}
