import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  redirectAway,
  redirectWithin,
  safeReturnTo,
  withParameters,
} from '../../lib/http/redirects.js';
import { addUser, PASSWORD } from '../world/auth-server.js';
import { createHttpBrowser, formOf } from '../world/http-browser.js';
import { reservePort, serveLoginApp } from '../world/login-app.js';

const HERE = 'https://app.example';

/** O1: every one of these falls back to `/`. */
const attacks: readonly unknown[] = [
  '//evil.com',
  '/\\evil.com',
  '\\\\evil.com',
  '/\t/evil.com',
  '/%09/evil.com',
  '/%5cevil.com',
  '/%2f%2fevil.com',
  '/.//evil.com',
  '/a/..//evil.com',
  '/./\\evil.com',
  '///evil.com',
  'https:evil.com',
  'https:/evil.com',
  'https://app.example@evil.com',
  'https://app.example.evil.com',
  'javascript:alert(1)',
  'data:text/html,x',
  '//evil%E3%80%82com',
  '/\u00a0/evil.com',
  '%0d%0aSet-Cookie:x=1',
  '/x%0d%0aX:1',
  '',
  ['/a', '/b'],
  `/${'a'.repeat(3000)}`,
  `/${'日'.repeat(2000)}`,
  undefined,
  null,
  7,
  {},
  '/\ud800',
  '/\u2028/evil.com',
  '/\u200b/evil.com',
  '/%7f',
  '?next=//evil.com',
  '#//evil.com',
  './/evil.com',
  'a',
];

/** O2: these are kept. */
const places: readonly string[] = [
  '/',
  '/a?b=c#d',
  '/a%20b',
  '/ünï',
  '/x?u=https://a.b/c',
  '/p?q=a,b',
  '/search?text=one%0Atwo&next=%2Fhome',
  '/a/./b/../c',
  '/users/@me',
  '/日本語?q=日本',
];

describe('O1 returnTo', () => {
  it.each(attacks.map((attack) => [attack]))('%j falls back to the home page', (attack) => {
    expect(safeReturnTo(attack)).toBe('/');
  });

  it.each(places)('O2 %s is kept', (place) => {
    const kept = safeReturnTo(place);
    expect(new URL(kept, HERE).href).toBe(new URL(place, HERE).href);
    expect(safeReturnTo(kept)).toBe(kept);
  });

  it('stays on our origin in every one of thousands of variants, as a browser resolves it', () => {
    const tried = [...variants()];
    // One expectation for all: one for each would take longer than what is tested.
    const strayed = tried.filter((variant) => {
      const place = safeReturnTo(variant);
      // What a proxy or application that decodes once more would make of it.
      const decoded = decode(place.split(/[?#]/)[0] ?? '');
      return (
        new URL(place, HERE).origin !== HERE ||
        !/^\/(?![/\\])[\x21-\x7e]*$/.test(place) ||
        new URL(decoded, HERE).origin !== HERE
      );
    });
    expect(strayed).toEqual([]);
    expect(tried.length).toBeGreaterThan(300);
  });

  it('adds parameters without leaving', () => {
    expect(withParameters('/a?b=c#d', { auth_code: 'x&y' })).toBe('/a?b=c&auth_code=x%26y#d');
    expect(withParameters('//evil.com', { auth_code: 'x' })).toBe('/?auth_code=x');
  });
});

describe('O1 returnTo of the sign-in page', () => {
  it('leads to the home page, typed into the address bar as it is or encoded', async () => {
    const app = serveLoginApp(await reservePort(), {});
    await addUser(app);
    const browser = createHttpBrowser();
    const texts = attacks
      .filter((attack) => typeof attack === 'string')
      // Half a character can't be in an address, nor can one be longer than Node reads.
      .filter((text) => !/\p{Surrogate}/u.test(text) && encodeURIComponent(text).length < 8000);
    const submitted = new Set<string>();
    for (const returnTo of [...texts, ...texts.map(encodeURIComponent)]) {
      const page = await browser.open(`${app.origin}/api/auth/signin?again&returnTo=${returnTo}`);
      // What a form sends does not depend on the address of its page: the same form once is enough.
      const form = JSON.stringify(formOf(page));
      if (submitted.has(form)) continue;
      submitted.add(form);
      const next = await browser.submit(page, { username: 'alice', password: PASSWORD });
      // Each `Location` is resolved as a browser does it (WHATWG URL).
      expect
        .soft(next.visited, returnTo)
        .toEqual([`${app.origin}/api/auth/signin?returnTo=%2F`, `${app.origin}/`]);
    }
  });
});

describe('O3 redirects', () => {
  it('are made by one file', () => {
    const lib = path.resolve(import.meta.dirname, '../../lib');
    const others = readdirSync(lib, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && file !== 'http/redirects.ts')
      .filter((file) =>
        /\.redirect\(|\.location\(|(?<!\.get\()['"]location['"]/i.test(
          readFileSync(path.join(lib, file), 'utf8'),
        ),
      );
    expect(others).toEqual([]);
  });

  it('judge what they are given once more', () => {
    const sent = record();
    redirectWithin(sent, '//evil.com');
    expect(sent.headers).toMatchObject({ Location: '/', 'Referrer-Policy': 'no-referrer' });
    expect(() => redirectAway(record(), new URL('javascript:alert(1)'))).toThrow(TypeError);
  });
});

function record() {
  const headers: Record<string, string> = {};
  return {
    headers,
    statusCode: 200,
    setHeader: (name: string, value: string) => (headers[name] = value),
    end: () => undefined,
  };
}

/** Beginnings that parsers disagree about, before hosts that an attacker may own, raw and encoded. */
function* variants(): Generator<string> {
  const separators = ['/', '\\', '\t', '\n', '\r', ' ', '\0', '.', '..', ':', '@', ';', '?', '#'];
  const odd = ['\u00a0', '\u2028', '\u3000', '\ufeff', '\u200b', '／', '＼', '。', '%', '%25'];
  const units = [...separators, ...odd];
  const hosts = ['evil.com', 'evil.com/..', '[::1]', '2130706433', 'evil%E3%80%82com'];
  const encode = [
    (text: string) => text,
    (text: string) => encodeURIComponent(text),
    (text: string) => encodeURIComponent(encodeURIComponent(text)),
    (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join(''),
  ];
  for (const first of units)
    for (const second of units)
      for (const third of ['', '/', '\\'])
        for (const host of hosts)
          for (const encoded of encode) {
            yield `/${encoded(first + second + third)}${host}`;
            yield `${first}${encoded(second)}${third}${host}`;
          }
  for (const scheme of [
    'https',
    'HTTPS',
    'javascript',
    'data',
    'ftp',
    'blob',
    ' https',
    'java\tscript',
  ])
    for (const slashes of ['', '/', '//', '///', '\\\\', '%2f%2f'])
      for (const host of [...hosts, 'app.example@evil.com', 'app.example.evil.com'])
        yield `${scheme}:${slashes}${host}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
