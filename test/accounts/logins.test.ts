import { expect, it } from 'vitest';
import { isEmail, normaliseLogin, storedSpellings } from '../../lib/accounts/logins.js';

it.each([
  ['alice', 'alice'],
  [' Alice ', 'alice'],
  ['A@B.com ', 'a@b.com'],
  ['a@BÜCHER.example', 'a@bücher.example'],
  ['a@bu\u0308cher.example', 'a@bücher.example'],
  ['a@xn--bcher-kva.example', 'a@bücher.example'],
  ['a@XN--Bcher-KVA.example', 'a@bücher.example'],
  ['a@shop.xn--bcher-kva.example', 'a@shop.bücher.example'],
  ['a@xn--fa-hia.example', 'a@faß.example'],
  ['a@fass.example', 'a@fass.example'],
  ['a@xn--ls8h.example', 'a@xn--ls8h.example'],
  ['\u00A0alice\u3000', 'alice'],
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
    'a@bücher.example.',
    'a@xn--a.example',
    'a@xn--bcher-kva.1',
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
  // Compatibility characters: another mailbox than the one that they look like.
  ...['ｂoss@example.com', 'boss＠example.com', 'boss@ｅxample.com', 'ﬁnance@example.com', 'x²'],
  ...['ｂoss', '\u03F4eta', 'Ⅷ', '①'],
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

it('nothing but case and canonical equivalence joins two names', () => {
  for (let code = 0x21; code < 0x30000; code += 1) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const character = String.fromCodePoint(code);
    const login = normaliseLogin(`a${character}b`);
    if (login !== undefined && login !== `a${character}b`.normalize('NFC').toLowerCase())
      throw new Error(`U+${code.toString(16)} became ${login}`);
  }
});

it.each([
  { login: 'alice', spellings: ['alice'] },
  { login: 'a@example.com', spellings: ['a@example.com'] },
  { login: 'a@Bücher.example', spellings: ['a@bücher.example', 'a@xn--bcher-kva.example'] },
  { login: 'a@xn--bcher-kva.example', spellings: ['a@xn--bcher-kva.example', 'a@bücher.example'] },
  { login: 'a@xn--a.example', spellings: ['a@xn--a.example'] },
  { login: 'ｂoss', spellings: [] },
])('the account of $login may be stored as $spellings', ({ login, spellings }) => {
  expect(storedSpellings(login)).toEqual(spellings);
});

it('user names and e-mail addresses never meet', () => {
  expect(isEmail('a@b')).toBe(true);
  expect(isEmail('alice')).toBe(false);
});
