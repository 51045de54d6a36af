import {
  constants,
  createHmac,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  createVerificationKey,
  fitsAlgorithm,
  hashBytes,
  isSignatureAlgorithm,
  publicKeyFlaw,
} from '../../lib/verifier/keys/signatures.js';
import { keyPair } from '../world/key-pairs.js';

/** An RSA public key of any size: a verifier never divides by its factors. */
function rsaKey(bits: number, exponent: number): KeyObject {
  const modulus = Buffer.alloc(Math.ceil(bits / 8), 0xff);
  modulus[0] = 0xff >> (modulus.length * 8 - bits);
  const e = Buffer.from(exponent.toString(16).padStart(6, '0'), 'hex').toString('base64url');
  return createPublicKey({
    key: { kty: 'RSA', n: modulus.toString('base64url'), e },
    format: 'jwk',
  });
}

describe('a public key', () => {
  it.each([
    { bits: 2047, exponent: 65_537, flaw: 'rsa_size' },
    { bits: 2048, exponent: 65_537, flaw: undefined },
    { bits: 8192, exponent: 65_537, flaw: undefined },
    { bits: 8193, exponent: 65_537, flaw: 'rsa_size' },
    { bits: 2048, exponent: 1, flaw: 'rsa_exponent' },
    { bits: 2048, exponent: 2, flaw: 'rsa_exponent' },
    { bits: 2048, exponent: 3, flaw: undefined },
    { bits: 2048, exponent: 4, flaw: 'rsa_exponent' },
    { bits: 2048, exponent: 65_536, flaw: 'rsa_exponent' },
  ])('of RSA with $bits bits and exponent $exponent: $flaw', ({ bits, exponent, flaw }) => {
    expect(publicKeyFlaw(rsaKey(bits, exponent))).toBe(flaw);
  });

  it('of another kind has no flaw of RSA', () => {
    expect(publicKeyFlaw(keyPair('P-256').publicKey)).toBeUndefined();
    expect(publicKeyFlaw(keyPair('Ed25519').publicKey)).toBeUndefined();
  });
});

const secret = createSecretKey(randomBytes(64));
const rsa = keyPair('RSA-2048');
const p256 = keyPair('P-256');
const p384 = keyPair('P-384');
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const ed25519 = keyPair('Ed25519');
const pss = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};
const rs = { dsaEncoding: 'ieee-p1363' } as const;
const mac = (hash: string) => (text: Buffer) => createHmac(hash, secret).update(text).digest();

const algorithms = [
  { algorithm: 'HS256', key: secret, signed: mac('sha256') },
  { algorithm: 'HS384', key: secret, signed: mac('sha384') },
  { algorithm: 'HS512', key: secret, signed: mac('sha512') },
  ...(['256', '384', '512'] as const).flatMap((size) => [
    {
      algorithm: `RS${size}` as const,
      key: rsa.publicKey,
      signed: (text: Buffer) => sign(`sha${size}`, text, rsa.privateKey),
    },
    {
      algorithm: `PS${size}` as const,
      key: rsa.publicKey,
      signed: (text: Buffer) => sign(`sha${size}`, text, { key: rsa.privateKey, ...pss }),
    },
  ]),
  {
    algorithm: 'ES256',
    key: p256.publicKey,
    signed: (text: Buffer) => sign('sha256', text, { key: p256.privateKey, ...rs }),
  },
  {
    algorithm: 'ES384',
    key: p384.publicKey,
    signed: (text: Buffer) => sign('sha384', text, { key: p384.privateKey, ...rs }),
  },
  {
    algorithm: 'ES512',
    key: p521.publicKey,
    signed: (text: Buffer) => sign('sha512', text, { key: p521.privateKey, ...rs }),
  },
  ...(['EdDSA', 'Ed25519'] as const).map((algorithm) => ({
    algorithm,
    key: ed25519.publicKey,
    signed: (text: Buffer) => sign(undefined, text, ed25519.privateKey),
  })),
] as const;

const text = 'header.payload';

describe.each(algorithms)('$algorithm', ({ algorithm, key, signed }) => {
  const signature = signed(Buffer.from(text));
  const verificationKey = createVerificationKey({ key, algorithm });

  it('verifies its own signature', () => {
    expect(isSignatureAlgorithm(algorithm)).toBe(true);
    expect(verificationKey.verifies(text, signature)).toBe(true);
  });

  it('verifies no signature that is changed, cut, longer or empty, and none of another text', () => {
    const changed = Buffer.from(signature);
    changed.writeUInt8(changed.readUInt8(5) ^ 1, 5);
    for (const other of [
      changed,
      signature.subarray(0, -1),
      Buffer.concat([signature, Buffer.alloc(1)]),
      Buffer.alloc(0),
      Buffer.alloc(signature.length),
      Buffer.alloc(signature.length, 0xff),
    ])
      expect(verificationKey.verifies(text, other)).toBe(false);
    expect(verificationKey.verifies(`${text}x`, signature)).toBe(false);
  });

  it('verifies no signature of another algorithm', () => {
    for (const other of algorithms) {
      if (other.key === key && other.key === ed25519.publicKey) continue;
      if (other.algorithm === algorithm) continue;
      expect(verificationKey.verifies(text, other.signed(Buffer.from(text)))).toBe(false);
    }
  });

  it('goes with keys of its kind only', () => {
    for (const other of new Set(algorithms.map((row) => row.key)))
      expect(fitsAlgorithm(other, algorithm)).toBe(other === key);
  });
});

it.each(['ES256', 'RS256', 'HS256'] as const)(
  'a key that %s cannot use verifies nothing and does not throw',
  (algorithm) => {
    const key = createVerificationKey({ key: ed25519.publicKey, algorithm });
    const signature = sign(undefined, Buffer.from(text), ed25519.privateKey);
    expect(key.verifies(text, signature)).toBe(false);
  },
);

it.each([
  { algorithm: 'HS256', bytes: 32 },
  { algorithm: 'HS384', bytes: 48 },
  { algorithm: 'HS512', bytes: 64 },
] as const)('the hash of $algorithm has $bytes bytes', ({ algorithm, bytes }) => {
  expect(hashBytes(algorithm)).toBe(bytes);
});

it.each(['none', 'HS1', 'rs256', 'ES256K', 'constructor', 'toString', ''])(
  'the algorithm "%s" is not verified',
  (name) => {
    expect(isSignatureAlgorithm(name)).toBe(false);
  },
);
