import type { JsonObject, Minter, Segment } from '../minter.js';
import type { ForgedToken } from './forged-token.js';

/** C3: signed with the right key over a header or payload that is not one JSON object. */
export function malformedJson(minter: Minter): readonly ForgedToken[] {
  const { algorithm, audience } = minter;
  const header = (flaw: (members: JsonObject) => Segment) =>
    minter.signed(flaw(minter.header()), minter.claims());
  const payload = (flaw: (members: JsonObject) => Segment) =>
    minter.signed(minter.header(), flaw(minter.claims()));
  const either = (title: string, flaw: (members: JsonObject) => Segment): ForgedToken[] => [
    { title: `C3 header ${title}`, token: header(flaw) },
    { title: `C3 payload ${title}`, token: payload(flaw) },
  ];
  const before = (member: string) => (members: JsonObject) =>
    `{${member},${JSON.stringify(members).slice(1)}`;
  const behind = (member: string) => (members: JsonObject) =>
    `${JSON.stringify(members).slice(0, -1)},${member}}`;
  const alg = JSON.stringify(algorithm);
  const aud = JSON.stringify(audience);
  return [
    ...shapes.flatMap(([title, flaw]) => either(title, flaw)),
    { title: 'C3 alg twice, the first is none', token: header(before('"alg":"none"')) },
    { title: 'C3 alg twice, the last is none', token: header(behind('"alg":"none"')) },
    { title: 'C3 alg twice, both right', token: header(before(`"alg":${alg}`)) },
    { title: 'C3 aud twice, the first is ours', token: payload(behind('"aud":"x"')) },
    { title: 'C3 aud twice, the last is ours', token: payload(before('"aud":"x"')) },
    { title: 'C3 aud twice, both ours', token: payload(before(`"aud":${aud}`)) },
    {
      title: 'C3 aud twice, once with an escape',
      token: payload(before(String.raw`"\u0061ud":"x"`)),
    },
    { title: 'C3 a nested member twice', token: payload(behind('"org":{"id":1,"id":2}')) },
    {
      title: 'C3 a member twice inside a list',
      token: payload(behind('"orgs":[{"id":1,"id":2}]')),
    },
    {
      title: 'C3 a claim nested 1,000 deep',
      token: payload(behind(`"deep":${'['.repeat(1_000)}${']'.repeat(1_000)}`)),
    },
    {
      title: 'C3 a header member nested 1,000 deep',
      token: header(behind(`"deep":${'['.repeat(1_000)}${']'.repeat(1_000)}`)),
    },
  ];
}

const shapes: readonly [string, (members: JsonObject) => Segment][] = [
  ['in a list', (members) => JSON.stringify([members])],
  ['in a string', (members) => JSON.stringify(JSON.stringify(members))],
  ['null', () => 'null'],
  ['a number', () => '1'],
  ['true', () => 'true'],
  ['an empty object', () => '{}'],
  ['of white space', () => '  '],
  ['with a byte order mark', (members) => `\uFEFF${JSON.stringify(members)}`],
  ['with invalid UTF-8', (members) => withBytes(members, Buffer.of(0xff))],
  ['with overlong UTF-8', (members) => withBytes(members, Buffer.of(0xc0, 0x80))],
  ['with a surrogate in UTF-8', (members) => withBytes(members, Buffer.of(0xed, 0xa0, 0x80))],
  ['in UTF-16', (members) => new Uint8Array(Buffer.from(JSON.stringify(members), 'utf16le'))],
  ['with text behind', (members) => `${JSON.stringify(members)}x`],
  ['with an object behind', (members) => `${JSON.stringify(members)}{}`],
  ['with a NUL behind', (members) => `${JSON.stringify(members)}\0`],
  ['with a trailing comma', (members) => `${JSON.stringify(members).slice(0, -1)},}`],
  ['with a comment', (members) => `/**/${JSON.stringify(members)}`],
  ['cut short', (members) => JSON.stringify(members).slice(0, -1)],
  ['of 5,000 open lists', () => '['.repeat(5_000)],
  ['of 10,000 open lists', () => '['.repeat(10_000)],
];

/** The members and one more, whose text holds the bytes. */
function withBytes(members: JsonObject, bytes: Buffer): Uint8Array {
  const json = JSON.stringify(members).slice(0, -1);
  return Buffer.concat([Buffer.from(`${json},"text":"`), bytes, Buffer.from('"}')]);
}
