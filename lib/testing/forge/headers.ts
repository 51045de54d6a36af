import { CompactEncrypt } from 'jose';
import { encodeSegment, type JsonObject, type Minter } from '../minter.js';
import type { SigningKey } from '../signing-keys.js';
import { selfSignedCertificate } from './certificate.js';
import type { ForgedToken } from './forged-token.js';

/** Where the forged header sends a verifier that trusts it: the metadata service of most clouds. */
export const ATTACKER_URL = 'http://169.254.169.254/latest/meta-data/jwks.json';

/** B1: signed with the attacker's key, which the header itself offers. */
export async function headerKey(minter: Minter, url: string): Promise<readonly ForgedToken[]> {
  const attacker = await minter.foreignKey();
  const offers = keyOffers(attacker, url);
  const kids: readonly [string, string | undefined][] = attacker.published
    ? [
        ['the right kid', minter.key().kid],
        ["the attacker's kid", attacker.kid],
      ]
    : [['no kid', undefined]];
  return offers.flatMap(([offer, members]) =>
    kids.map(([title, kid]) => ({
      title: `B1 ${offer} in the header, ${title}`,
      token: minter.signed(minter.header({ kid, ...members }), minter.claims(), (input) =>
        attacker.sign(input),
      ),
    })),
  );
}

function keyOffers(attacker: SigningKey, url: string): readonly [string, JsonObject][] {
  const urls: readonly [string, JsonObject][] = [
    ['jku', { jku: url }],
    ['x5u', { x5u: url }],
  ];
  const { published, secret } = attacker;
  if (!published)
    return [['jwk', { jwk: { kty: 'oct', k: encodeSegment(secret ?? '') } }], ...urls];
  const certificate = selfSignedCertificate(attacker, published.publicKey).toString('base64');
  return [
    ['jwk', { jwk: published.jwk }],
    ['x5c', { x5c: [certificate] }],
    ...urls,
    ['every kind of key', { jwk: published.jwk, x5c: [certificate], jku: url, x5u: url }],
  ];
}

/** B2: signed with the right key under a `kid` that is no key's, or no string (RFC 7515 §4.1.4). */
export function keyIds(minter: Minter): readonly ForgedToken[] {
  const { kid } = minter.key();
  const malformed: readonly [string, unknown][] = [
    ['a number', 1],
    ['a list', [kid]],
    ['an object', { kid }],
    ['null', null],
    ['10 kB long', 'k'.repeat(10_000)],
  ];
  const unknown: readonly [string, unknown][] = [
    ['a path', '../../dev/null'],
    ['SQL', "' OR 1=1 --"],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['empty', ''],
    ['a URL', ATTACKER_URL],
    ['the right one and a line break', `${kid}\r\nX-Injected: 1`],
  ];
  // A verifier with a plain secret has no key ids to compare with.
  return [...malformed, ...(minter.key().published ? unknown : [])].map(([title, value]) => ({
    title: `B2 kid is ${title}`,
    token: minter.token({}, { kid: value }),
  }));
}

/** B3: extensions that must be understood or refused (RFC 7515 §4.1.11, RFC 7797 §6). */
export function critical(minter: Minter): readonly ForgedToken[] {
  const headers: readonly [string, JsonObject][] = [
    ['names an unknown extension', { crit: ['urn:test:x'], 'urn:test:x': true }],
    ['is empty', { crit: [] }],
    ['is a string', { crit: 'b64', b64: true }],
    ['is an object', { crit: { b64: true }, b64: true }],
    ['is null', { crit: null }],
    ['names b64 twice', { crit: ['b64', 'b64'], b64: true }],
    ['names alg', { crit: ['alg'] }],
    ['names exp, which stands in the payload', { crit: ['exp'] }],
    ['names an absent member', { crit: ['b64'] }],
    ['holds a number', { crit: [1] }],
    ['asks for an unencoded payload', { crit: ['b64'], b64: false }],
  ];
  return [
    ...headers.map(([title, changes]) => ({
      title: `B3 crit ${title}`,
      token: minter.token({}, changes),
    })),
    { title: 'B3 b64 false without crit', token: minter.token({}, { b64: false }) },
    unencodedPayload(minter),
  ];
}

/** The signature covers the payload's JSON itself (RFC 7797 §3), though the token shows it encoded. */
function unencodedPayload(minter: Minter): ForgedToken {
  const payload = JSON.stringify(minter.claims());
  const token = minter.signed(minter.header({ crit: ['b64'], b64: false }), payload, (input) =>
    minter.key().sign(`${input.slice(0, input.indexOf('.'))}.${payload}`),
  );
  return { title: 'B3 crit b64 false, signed over the unencoded payload', token };
}

/** B4: a `typ` that is another kind of token's (RFC 8725 §3.11, RFC 9068 §4). */
export function types(minter: Minter): readonly ForgedToken[] {
  const strict: readonly unknown[] = ['JWT', 'jwt', 'application/jwt', undefined];
  const wrong: readonly unknown[] = [
    'JOSE',
    'JWS',
    'id+jwt',
    'rt+jwt',
    'dpop+jwt',
    'logout+jwt',
    'secevent+jwt',
    'token-introspection+jwt',
    'at+jwt ',
    'at+jwt;x=y',
    'xat+jwt',
    'text/at+jwt',
    'application/application/at+jwt',
    '',
    1,
    null,
    ['at+jwt'],
  ];
  return [...(minter.profile === 'rfc9068' ? strict : []), ...wrong].map((typ) => ({
    title: typ === undefined ? 'B4 no typ' : `B4 typ ${JSON.stringify(typ)}`,
    token: minter.token({}, { typ }),
  }));
}

/** B5, B6: encrypted tokens, and tokens inside tokens. */
export async function encryptedShapes(minter: Minter): Promise<readonly ForgedToken[]> {
  const signed = minter.token();
  const plain = minter.signed({ alg: 'none' }, minter.claims(), () => new Uint8Array());
  const jwe = await encrypt(minter, signed);
  const nested = minter.signed(minter.header({ cty: 'JWT' }), signed);
  return [
    { title: 'B5 a JWE around a signed token', token: jwe },
    { title: 'B5 a JWE around an unsigned token', token: await encrypt(minter, plain) },
    {
      title: 'B5 a JWE around bare claims',
      token: await encrypt(minter, JSON.stringify(minter.claims())),
    },
    { title: 'B5 a JWE that asks for decompression', token: withHeader(jwe, { zip: 'DEF' }) },
    { title: 'B5 a JWE with RSA1_5', token: withHeader(jwe, { alg: 'RSA1_5' }) },
    {
      title: 'B5 a JWE with two billion PBES2 rounds',
      token: withHeader(jwe, {
        alg: 'PBES2-HS256+A128KW',
        p2c: 2_147_483_647,
        p2s: encodeSegment('salt-salt'),
      }),
    },
    { title: 'B6 a signed token in a signed token', token: nested },
    {
      title: 'B6 a signed token two signatures deep',
      token: minter.signed(minter.header({ cty: 'JWT' }), nested),
    },
  ];
}

/** Encrypts to the issuer's own key where its kind can, else with a fresh symmetric one. */
async function encrypt(minter: Minter, content: string): Promise<string> {
  const { published, secret } = minter.key();
  const { cty, enc } = { cty: 'JWT', enc: 'A256GCM' };
  const encryption = new CompactEncrypt(new TextEncoder().encode(content));
  if (published?.publicKey.asymmetricKeyType === 'rsa')
    return encryption
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc, cty, typ: 'at+jwt' })
      .encrypt(published.publicKey);
  if (published?.publicKey.asymmetricKeyType === 'ec')
    return encryption
      .setProtectedHeader({ alg: 'ECDH-ES', enc, cty, typ: 'at+jwt' })
      .encrypt(published.publicKey);
  return encryption
    .setProtectedHeader({ alg: 'dir', enc, cty, typ: 'at+jwt' })
    .encrypt(secret ?? crypto.getRandomValues(new Uint8Array(32)));
}

function withHeader(jwe: string, changes: JsonObject): string {
  const [header = '', ...rest] = jwe.split('.');
  const members: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
  return [encodeSegment(Object.assign({}, members, changes)), ...rest].join('.');
}
