import type { Minter } from '../minter.js';
import type { ForgedToken } from './forged-token.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** C1: valid tokens beyond 16 kB, and text with dots without end. */
export function oversized(minter: Minter): readonly ForgedToken[] {
  return [
    { title: 'C1 a valid token of 17 kB', token: minter.token({ padding: 'x'.repeat(12_600) }) },
    { title: 'C1 a valid token of 64 kB', token: minter.token({ padding: 'x'.repeat(48_000) }) },
    { title: 'C1 a header of 17 kB', token: minter.token({}, { padding: 'x'.repeat(12_600) }) },
    { title: 'C1 ten thousand dots', token: '.'.repeat(10_000) },
    { title: 'C1 ten thousand segments', token: `${minter.token()}${'.e30'.repeat(2_500)}` },
    { title: 'C1 twelve thousand letters', token: 'a'.repeat(12_000) },
  ];
}

/** C2: a valid token written differently, so that one token would have several spellings. */
export function encodings(minter: Minter): readonly ForgedToken[] {
  return [...respelled(minter), ...respelledAndSigned(minter), ...wrongShapes(minter)];
}

/** Changed after signing. A lax decoder still sees the signed bytes in the signature segment. */
function respelled(minter: Minter): readonly ForgedToken[] {
  const token = minter.token();
  const dot = token.indexOf('.');
  const around = (text: string) => token.slice(0, dot + 9) + text + token.slice(dot + 9);
  const inSignature = (text: string) => `${token.slice(0, -9)}${text}${token.slice(-9)}`;
  return [
    ['signature with padding', `${token}${padding(token)}`],
    ['signature in the + / alphabet', toPlusAlphabet(tokenWithDash(minter))],
    ['signature with a non-canonical last character', nonCanonical(token)],
    ['a space in the payload', around(' ')],
    ['a space in the signature', inSignature(' ')],
    ['a newline in the signature', inSignature('\n')],
    ['a tab in the signature', inSignature('\t')],
    ['a NUL in the signature', inSignature('\0')],
    ['a letter beyond ASCII in the signature', inSignature('\u00E9')],
    ['a zero-width space in the signature', inSignature('\u200B')],
    ['a percent escape in the signature', inSignature('%41')],
    ['an asterisk in the signature', inSignature('*')],
    ['a space before', ` ${token}`],
    ['a space behind', `${token} `],
    ['a newline behind', `${token}\n`],
    ['a NUL behind', `${token}\0`],
    ['quotes around', `"${token}"`],
    ['a comma behind', `${token},`],
  ].map(([title, forged]) => ({ title: `C2 ${title}`, token: forged ?? '' }));
}

/** The signature covers the odd spelling: only the spelling is wrong. */
function respelledAndSigned(minter: Minter): readonly ForgedToken[] {
  const sign = (header: string, payload: string) => {
    const input = `${header}.${payload}`;
    return `${input}.${minter.key().sign(input).toString('base64url')}`;
  };
  const header = segmentOfOddLength(JSON.stringify(minter.header()));
  const payload = segmentOfOddLength(JSON.stringify(minter.claims()));
  const dashed = Buffer.from(JSON.stringify(minter.claims({ text: '\u00FB\u00FF>>>???~~~' })));
  return [
    ['padding in the header', sign(`${header}${padding(header)}`, payload)],
    ['padding in the payload', sign(header, `${payload}${padding(payload)}`)],
    ['a non-canonical last character in the header', sign(nonCanonical(header), payload)],
    ['a non-canonical last character in the payload', sign(header, nonCanonical(payload))],
    ['the + / alphabet in the payload', sign(header, plusAlphabet(dashed))],
    ['a space in the signed header', sign(`${header.slice(0, 4)} ${header.slice(4)}`, payload)],
    [
      'a newline in the signed payload',
      sign(header, `${payload.slice(0, 8)}\n${payload.slice(8)}`),
    ],
  ].map(([title, token]) => ({ title: `C2 ${title}`, token: token ?? '' }));
}

function wrongShapes(minter: Minter): readonly ForgedToken[] {
  const [header = '', payload = '', signature = ''] = minter.token().split('.');
  return [
    ['two segments', `${header}.${payload}`],
    ['one segment', header],
    ['four segments', `${header}.${payload}.${signature}.${signature}`],
    ['a dot behind', `${header}.${payload}.${signature}.`],
    ['a dot before', `.${header}.${payload}.${signature}`],
    ['an empty header', `.${payload}.${signature}`],
    ['an empty payload', `${header}..${signature}`],
    ['nothing but dots', '..'],
    ['segments in another order', `${payload}.${header}.${signature}`],
    ['JSON serialization', JSON.stringify({ protected: header, payload, signature })],
  ].map(([title, token]) => ({ title: `C2 ${title}`, token: token ?? '' }));
}

/** A token whose signature holds `-` or `_`: nearly all do, an HMAC in three of four. */
function tokenWithDash(minter: Minter): string {
  for (;;) {
    const token = minter.token();
    if (/[-_][^.]*$/.test(token)) return token;
  }
}

/** Only the signature: the other segments keep the bytes that were signed. */
function toPlusAlphabet(token: string): string {
  const at = token.lastIndexOf('.') + 1;
  return token.slice(0, at) + token.slice(at).replaceAll('-', '+').replaceAll('_', '/');
}

function plusAlphabet(bytes: Buffer): string {
  for (let text = bytes; ; text = Buffer.concat([Buffer.from(' '), text])) {
    const segment = text.toString('base64').replace(/=+$/, '');
    if (/[+/]/.test(segment)) return segment;
  }
}

/** Encodes with spaces behind, which JSON allows, until the last group of characters is incomplete. */
function segmentOfOddLength(json: string): string {
  const segment = Buffer.from(json).toString('base64url');
  return segment.length % 4 === 0 ? segmentOfOddLength(`${json} `) : segment;
}

function padding(text: string): string {
  const length = text.length - text.lastIndexOf('.') - 1;
  return '='.repeat((4 - (length % 4)) % 4);
}

/** Sets one of the bits of the last character that no decoder reads. */
function nonCanonical(text: string): string {
  return text.slice(0, -1) + ALPHABET.charAt(ALPHABET.indexOf(text.slice(-1)) + 1);
}
