import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createApiKeyFormat, digestOfKey } from '../../lib/accounts/api-key-format.js';

const format = createApiKeyFormat('live');

/** What the documentation tells secret scanners to look for. */
const SCANNED = /\blk_[a-z0-9]{1,16}_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}\b/;

describe('an API key', () => {
  it('is found whole by a secret scanner, and by a double click', () => {
    const { id, key } = format.create();
    expect(SCANNED.exec(`API_KEY="${key}" # build`)?.[0]).toBe(key);
    expect(key).toMatch(/^\w+$/);
    expect(key.startsWith(`${format.prefixOf(id)}_`)).toBe(true);
    expect(format.idOf(key)).toBe(id);
    expect(format.flawOf(key)).toBeUndefined();
  });

  it('ends in the CRC-32 of what stands before it, in base 62', () => {
    const { key } = format.create();
    const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    const checksum = Array.from(key.slice(-6)).reduce(
      (sum, digit) => sum * 62 + digits.indexOf(digit),
      0,
    );
    expect(checksum).toBe(crc32(key.slice(0, -6)));
  });

  it('is never the same twice, and uses every digit about as often', () => {
    const keys = Array.from({ length: 2000 }, () => format.create().key);
    expect(new Set(keys).size).toBe(2000);
    const counts = new Map<string, number>();
    for (const key of keys)
      for (const digit of key.slice(8, -6).replace('_', ''))
        counts.set(digit, (counts.get(digit) ?? 0) + 1);
    expect(counts.size).toBe(62);
    // 96,000 digits: 1548 each, with a standard deviation of 39.
    for (const count of counts.values()) expect(Math.abs(count - 1548)).toBeLessThan(300);
  });

  it.each([
    { title: 'a digit mistyped', change: (key: string) => swapped(key, 30), flaw: 'checksum' },
    { title: 'another id', change: (key: string) => swapped(key, 10), flaw: 'checksum' },
    {
      title: 'another checksum',
      change: (key: string) => swapped(key, key.length - 1),
      flaw: 'checksum',
    },
    {
      title: 'another environment',
      change: (key: string) => key.replace('live', 'test'),
      flaw: 'environment',
    },
    {
      title: 'a longer environment',
      change: (key: string) => key.replace('live', 'live2'),
      flaw: 'environment',
    },
    { title: 'a piece missing', change: (key: string) => key.slice(0, -1), flaw: 'malformed' },
    { title: 'a piece too many', change: (key: string) => `${key}0`, flaw: 'malformed' },
    { title: 'a line end', change: (key: string) => `${key}\n`, flaw: 'malformed' },
    { title: 'capitals', change: (key: string) => key.replace('lk_', 'LK_'), flaw: 'malformed' },
    {
      title: 'a wildcard of SQL',
      change: (key: string) => `${key.slice(0, -7)}%${key.slice(-6)}`,
      flaw: 'malformed',
    },
    { title: 'nothing', change: () => '', flaw: 'malformed' },
    { title: '16 kB', change: (key: string) => key.repeat(256), flaw: 'malformed' },
    { title: 'the name of a prototype', change: () => '__proto__', flaw: 'malformed' },
  ])('with $title is $flaw', ({ change, flaw }) => {
    expect(format.flawOf(change(format.create().key))).toBe(flaw);
  });

  it('is stored as its SHA-256', () => {
    expect(digestOfKey('lk')).toMatch(/^[\w-]{43}$/);
    expect(digestOfKey('lk')).not.toBe(digestOfKey('lk_'));
  });
});

/** Another digit in one place. */
function swapped(key: string, at: number): string {
  return key.slice(0, at) + (key[at] === 'a' ? 'b' : 'a') + key.slice(at + 1);
}
