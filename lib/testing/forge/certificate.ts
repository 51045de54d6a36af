import type { KeyObject } from 'node:crypto';
import type { SigningKey } from '../signing-keys.js';

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION = 0xa0;

// 1.2.840.113549.1.1.11 with NULL, 1.2.840.10045.4.3.2, 1.3.101.112, and id-at-commonName.
const SHA256_WITH_RSA = Buffer.from('300d06092a864886f70d01010b0500', 'hex');
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex');
const ED25519 = Buffer.from('300506032b6570', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');

/** A self-signed X.509 certificate (RFC 5280 §4.1) in DER, as an attacker would put into `x5c`. */
export function selfSignedCertificate(key: SigningKey, publicKey: KeyObject): Buffer {
  const { algorithm, sign } = certificateSigner(key);
  const name = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from('attacker.test')))),
  );
  const validity = der(SEQUENCE, utcTime('200101000000Z'), utcTime('491231235959Z'));
  const body = der(
    SEQUENCE,
    der(VERSION, der(INTEGER, Buffer.of(2))),
    der(INTEGER, Buffer.of(1)),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  return der(SEQUENCE, body, algorithm, der(BIT_STRING, Buffer.of(0), sign(body)));
}

function certificateSigner(key: SigningKey) {
  if (key.algorithm === 'ES256')
    return {
      algorithm: ECDSA_WITH_SHA256,
      sign: (body: Buffer) => derFromRawEcdsa(key.sign(body)),
    };
  return key.algorithm === 'EdDSA' || key.algorithm === 'Ed25519'
    ? { algorithm: ED25519, sign: (body: Buffer) => key.sign(body) }
    : { algorithm: SHA256_WITH_RSA, sign: (body: Buffer) => key.sign(body, 'RS256') };
}

/** Turns JWS' r|s (RFC 7518 §3.4) into the SEQUENCE that X.509 and most libraries use for ECDSA. */
export function derFromRawEcdsa(signature: Buffer): Buffer {
  const half = signature.length / 2;
  return der(SEQUENCE, unsigned(signature.subarray(0, half)), unsigned(signature.subarray(half)));
}

function unsigned(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const digits = bytes.subarray(start);
  return der(INTEGER, (digits[0] ?? 0) > 0x7f ? Buffer.of(0) : Buffer.alloc(0), digits);
}

function utcTime(text: string): Buffer {
  return der(UTC_TIME, Buffer.from(text));
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content]);
}
