import { expect, it } from 'vitest';
import { isEmail, normaliseLogin } from '../../lib/accounts/logins.js';

it.each([
  ['alice', 'alice'],
  [' Alice ', 'alice'],
  ['A@B.com ', 'a@b.com'],
  ['ａ@b.com', 'a@b.com'],
  ['first.last+tag@sub.example.co.uk', 'first.last+tag@sub.example.co.uk'],
  ['root@localhost', 'root@localhost'],
  ['Jürgen', 'jürgen'],
  ["o'neill@example.com", "o'neill@example.com"],
  ['user_1.x-y+z', 'user_1.x-y+z'],
  ['漢字', '漢字'],
])('%j is %j', (input, login) => {
  expect(normaliseLogin(input)).toBe(login);
});

it.each([
  ...[
    undefined,
    null,
    42,
    true,
    ['a', 'b'],
    { $ne: null },
    '',
    '   ',
    'a'.repeat(255),
    'x'.repeat(100_000),
  ],
  ...[
    'a@b.com,c@d.com',
    'a@b@c.com',
    '@b.com',
    'a@',
    'a@b..com',
    'a@-b.com',
    'a@b.com.',
    'a b@c.com',
  ],
  ...[
    'a\u0000@b',
    'v@x\ncc:a@y',
    'v@x%0acc:a@y',
    '"a b"@c.com',
    'a@[127.0.0.1]',
    '<a@b.com>',
    'a;b@c.com',
  ],
  ...[
    'a%b@c.com',
    'a!b@c.com',
    '_alice',
    '-alice',
    'al ice',
    'ali\u200Bce',
    'a/b',
    `${'a'.repeat(65)}@b.com`,
    '\uD800',
  ],
])('%j can be no login', (input) => {
  expect(normaliseLogin(input)).toBeUndefined();
});

it('an address may have the punctuation of RFC 5322 before its @, without the two that once routed mail', () => {
  const ascii = Array.from({ length: 0x7f - 0x21 }, (_, at) => String.fromCodePoint(0x21 + at));
  const allowed = ascii.filter((character) => normaliseLogin(`a${character}b@example.com`));
  const punctuation = allowed.filter((character) => !/[a-z\d]/i.test(character));
  expect(punctuation.join('')).toBe("#$&'*+-./=?^_`{|}~");
});

it('normalising twice changes nothing, whatever the characters', () => {
  for (let code = 0x20; code < 0x30000; code += 1) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const once = normaliseLogin(`a${String.fromCodePoint(code)}b`);
    if (once !== undefined && normaliseLogin(once) !== once)
      throw new Error(`U+${code.toString(16)}`);
  }
});

it('user names and e-mail addresses never meet', () => {
  expect(isEmail('a@b')).toBe(true);
  expect(isEmail('alice')).toBe(false);
});
