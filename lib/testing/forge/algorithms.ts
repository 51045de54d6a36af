import type { KeyObject } from 'node:crypto';
import type { JsonObject, Minter } from '../minter.js';
import { hmac, type TestAlgorithm } from '../signing-keys.js';
import { derFromRawEcdsa, selfSignedCertificate } from './certificate.js';
import type { ForgedToken } from './forged-token.js';

const NOTHING = new Uint8Array();

/** A1: the header says that there is no signature, or does not name one algorithm. */
export function algNone(minter: Minter): readonly ForgedToken[] {
  const { algorithm } = minter;
  const headers: readonly [string, JsonObject][] = [
    ...['none', 'None', 'NONE', 'nOnE', ''].map((alg): [string, JsonObject] => [
      `alg ${JSON.stringify(alg)}`,
      { alg },
    ]),
    ['no alg', { alg: undefined }],
    ['alg ["none"]', { alg: ['none'] }],
    [`alg ["${algorithm}"]`, { alg: [algorithm] }],
    ['alg 0', { alg: 0 }],
    ['alg null', { alg: null }],
    ['alg only inside __proto__', { alg: undefined, ...ownProto({ alg: algorithm }) }],
  ];
  const signers: readonly [string, ((input: string) => Uint8Array) | undefined][] = [
    ['no signature', () => NOTHING],
    ['junk signature', () => Buffer.from('junk')],
    ['the right signature', undefined],
  ];
  return headers.flatMap(([flaw, changes]) =>
    signers.map(([signature, sign]) => ({
      title: `A1 ${flaw}, ${signature}`,
      token: minter.signed(minter.header(changes), minter.claims(), sign),
    })),
  );
}

/** A2: an HMAC whose secret is some text of the public key (CVE-2015-9235 and its many returns). */
export function hmacWithPublicKey(minter: Minter): readonly ForgedToken[] {
  const key = minter.key();
  if (!key.published) return [];
  const { jwk, publicKey } = key.published;
  const certificate = pem('CERTIFICATE', selfSignedCertificate(key, publicKey));
  const secrets: readonly [string, string | Uint8Array][] = [
    ...pemSecrets(publicKey),
    ['certificate PEM', certificate],
    ['JWK', JSON.stringify(jwk)],
    ['JWK Set', JSON.stringify({ keys: [jwk] })],
    ['list of JWKs', JSON.stringify([jwk])],
  ];
  return secrets.map(([title, secret]) => ({
    title: `A2 HS256 with the ${title}`,
    token: minter.signed(minter.header({ alg: 'HS256' }), minter.claims(), (input) =>
      hmac('HS256', secret, input),
    ),
  }));
}

function pemSecrets(publicKey: KeyObject): readonly [string, string | Uint8Array][] {
  const spki = String(publicKey.export({ type: 'spki', format: 'pem' }));
  const pkcs1 =
    publicKey.asymmetricKeyType === 'rsa'
      ? String(publicKey.export({ type: 'pkcs1', format: 'pem' }))
      : undefined;
  return [
    ['SPKI PEM', spki],
    ['SPKI PEM without its last newline', spki.trimEnd()],
    ['SPKI PEM with CRLF', spki.replaceAll('\n', '\r\n')],
    ['SPKI PEM after a space', ` ${spki}`],
    ['SPKI PEM after a newline', `\n${spki}`],
    ['SPKI PEM after a byte order mark', `\uFEFF${spki}`],
    ['SPKI PEM after a zero-width space', `\u200B${spki}`],
    ['SPKI PEM after a comment', `# public key\n${spki}`],
    ['SPKI DER', new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))],
    ...(pkcs1 === undefined ? [] : [['PKCS1 PEM', pkcs1] as [string, string]]),
  ];
}

const strangers: Readonly<Record<TestAlgorithm, readonly string[]>> = {
  RS256: ['RS384', 'RS512', 'PS256', 'PS512', 'rs256', 'RS1'],
  PS256: ['PS384', 'PS512', 'RS256', 'RS512', 'ps256'],
  ES256: ['ES384', 'ES512', 'ES256K', 'es256'],
  // Not each other: `EdDSA` and `Ed25519` are two names of one algorithm (RFC 9864 §2.2).
  EdDSA: ['Ed448', 'eddsa', 'ed25519', 'ES256'],
  Ed25519: ['Ed448', 'eddsa', 'ed25519', 'ES256'],
  HS256: ['HS384', 'HS512', 'hs256', 'RS256'],
};

/** A6: signed with the right key, by an algorithm that the policy does not name for it. */
export function otherAlgorithm(minter: Minter): readonly ForgedToken[] {
  const key = minter.key();
  return strangers[minter.algorithm].map((alg) => ({
    title: `A6 alg "${alg}" where only "${minter.algorithm}" is accepted`,
    token: minter.signed(minter.header({ alg }), minter.claims(), (input) =>
      key.sign(input, computableAs(alg, minter.algorithm)),
    ),
  }));
}

/** The algorithm to compute under that name; the key's own where its kind cannot follow. */
function computableAs(alg: string, own: TestAlgorithm): string {
  return /^(?:[RP]S|HS)(?:256|384|512)$|^ES(?:384|512)$/.test(alg) &&
    !(own === 'HS256' && alg === 'RS256')
    ? alg
    : own;
}

// Order of P-256's group, a value that r and s must stay below.
const P256_ORDER = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';

/** A9: signatures of the right length that need no key where a check is missing (CVE-2022-21449). */
export function zeroSignature(minter: Minter): readonly ForgedToken[] {
  const order = Buffer.from(P256_ORDER, 'hex');
  const ecdsa: readonly [string, (length: number) => Buffer][] = [
    ['r = s = n', () => Buffer.concat([order, order])],
    ['r = s = 1', () => Buffer.from(`${'0'.repeat(63)}1`.repeat(2), 'hex')],
  ];
  const fakes: readonly [string, (length: number) => Buffer][] = [
    ['all zero', (length) => Buffer.alloc(length)],
    ['all ones', (length) => Buffer.alloc(length, 0xff)],
    ...(minter.algorithm === 'ES256' ? ecdsa : []),
  ];
  return fakes.map(([title, fake]) =>
    resigned(minter, `A9 signature ${title}`, ({ length }) => fake(length)),
  );
}

/** A9: a right ECDSA signature in the other encoding. ES256 only. */
export function derSignature(minter: Minter): readonly ForgedToken[] {
  if (minter.algorithm !== 'ES256') return [];
  return [resigned(minter, 'A9 signature in DER', derFromRawEcdsa)];
}

/** A9: a right signature with bytes too few or too many. */
export function wrongLengthSignature(minter: Minter): readonly ForgedToken[] {
  return [
    resigned(minter, 'A9 no signature', () => Buffer.alloc(0)),
    resigned(minter, 'A9 signature without its first byte', (right) => right.subarray(1)),
    resigned(minter, 'A9 signature without its last byte', (right) => right.subarray(0, -1)),
    resigned(minter, 'A9 signature before a zero byte', (right) =>
      Buffer.concat([right, Buffer.of(0)]),
    ),
    resigned(minter, 'A9 signature after a zero byte', (right) =>
      Buffer.concat([Buffer.of(0), right]),
    ),
    resigned(minter, 'A9 signature twice', (right) => Buffer.concat([right, right])),
  ];
}

/** E9: the right `kid` and the key of another issuer. */
export async function foreignKey(minter: Minter): Promise<readonly ForgedToken[]> {
  const foreign = await minter.foreignKey();
  const sign = (input: string) => foreign.sign(input);
  const { published } = minter.key();
  const token = (header: JsonObject) => minter.signed(minter.header(header), minter.claims(), sign);
  return [
    {
      title: `E9 another key's signature${published ? ' under the right kid' : ''}`,
      token: token({}),
    },
    ...(published
      ? [
          { title: "E9 another key's signature without kid", token: token({ kid: undefined }) },
          { title: 'E9 an unpublished key under its own kid', token: token({ kid: foreign.kid }) },
        ]
      : []),
  ];
}

function resigned(minter: Minter, title: string, change: (right: Buffer) => Buffer): ForgedToken {
  const key = minter.key();
  const token = minter.signed(minter.header(), minter.claims(), (input) => change(key.sign(input)));
  return { title, token };
}

/** An object whose own member `__proto__` has that value, as JSON can hold one. */
function ownProto(value: unknown): JsonObject {
  return Object.fromEntries([['__proto__', value]]);
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
