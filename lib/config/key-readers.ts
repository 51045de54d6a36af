import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { secretFlaw } from '../secrets/strength.js';
import { visiblePart } from '../secrets/visible-part.js';
import { isPlainObject, list, readJson, readText, Refusal } from './values.js';
import type { JsonWebKey } from '../verifier/keys/json-web-key.js';

export const NEW_SECRET = 'make one with `openssl rand -base64 48`';

/** A secret that another party chose: kept as it is, and refused where white space would be a part of it unnoticed. */
export function readGivenSecret(input: unknown): string {
  if (typeof input !== 'string') throw new Refusal('is not text', 'write it as text, in quotes');
  const visible = visiblePart(input);
  if (visible === '') throw new Refusal('is blank', 'give it a value or leave it out');
  if (visible !== input)
    throw new Refusal(
      'begins or ends with white space or an invisible character',
      'remove that; a secret file may end with one newline',
    );
  return input;
}

/** A secret that signs or encrypts: long and varied. Whether it is known to others is judged later, when NODE_ENV is known. */
export function readStrongSecret(input: unknown): string {
  const flaw = secretFlaw(input, 32);
  if (flaw) throw new Refusal(flaw, NEW_SECRET);
  return readGivenSecret(input);
}

/** PEM or JWK as text, and the algorithms it can serve. */
interface KeyText {
  readonly text: string;
  readonly jwk: JsonWebKey | undefined;
}

const KEY_FORMS = 'give PEM (e.g. by the variable with _FILE) or a JWK as JSON';

export function readPrivateKey(input: unknown): string {
  const { text } = readKeyText(input);
  if (/BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text))
    throw new Refusal(
      'is encrypted',
      'decrypt it, e.g. with `openssl pkey`, and mount it as a secret',
    );
  const key = importKey(() => privateKeyOf(text));
  if (!key) throw new Refusal('is not a private key', KEY_FORMS);
  refuseWeakKey(key);
  return text;
}

/** The key of Sign in with Apple, which is always for ES256. */
export function readAppleKey(input: unknown): string {
  const text = readPrivateKey(input);
  if (algorithmsOf(text).includes('ES256')) return text;
  throw new Refusal('is not an EC key on P-256', 'give the .p8 file that Apple made for the key');
}

export function readPublicKey(input: unknown): string {
  const { text, jwk } = readKeyText(input);
  if (text.includes('PRIVATE KEY') || jwk?.d !== undefined)
    throw new Refusal(
      'is a private key',
      'give its public half; an application that only verifies must not be able to sign',
    );
  const key = importKey(() => createPublicKey(jwk ? { key: jwk, format: 'jwk' } : text));
  if (!key) throw new Refusal('is not a public key', KEY_FORMS);
  refuseWeakKey(key);
  return text;
}

/** Several private keys: PEM blocks one after the other, a JSON array of JWKs or PEM texts, or a list. */
export function readPrivateKeys(input: unknown): string[] {
  if (typeof input !== 'string') return list(readPrivateKey)(input);
  const text = input.trim();
  if (text.startsWith('[')) return list(readPrivateKey)(text);
  const blocks = text.match(/-----BEGIN ([^-]+)-----[\s\S]+?-----END \1-----/g);
  return list(readPrivateKey)(blocks ?? [text]);
}

/** Environment files often hold PEM on one line, with `\n` for its line ends. */
function readKeyText(input: unknown): KeyText {
  const text = readText(isPlainObject(input) ? JSON.stringify(input) : input).trim();
  if (text.startsWith('{')) {
    const jwk = readJson(text);
    return { text, jwk: isJwk(jwk) ? jwk : undefined };
  }
  return { text: text.includes('\n') ? text : text.replaceAll('\\n', '\n').trim(), jwk: undefined };
}

function isJwk(value: unknown): value is JsonWebKey {
  return isPlainObject(value);
}

function importKey(create: () => KeyObject): KeyObject | undefined {
  try {
    return create();
  } catch {
    // What OpenSSL says adds nothing that helps, and may quote its input.
    return undefined;
  }
}

function refuseWeakKey(key: KeyObject): void {
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < 2048)
    throw new Refusal(
      'is an RSA key of fewer than 2048 bits',
      'make a new one of 2048 bits or more',
    );
  if (publicExponent !== undefined && publicExponent < 3n)
    throw new Refusal('is an RSA key with an unusable exponent', 'make a new one');
  if (keyAlgorithms(key).length === 0)
    throw new Refusal(
      'is of a type that signs no tokens',
      'use RSA, EC (P-256, P-384, P-521) or Ed25519',
    );
}

/** The key in a text that {@link readPrivateKey} has accepted. */
export function privateKeyOf(text: string): KeyObject {
  const { jwk } = readKeyText(text);
  return createPrivateKey(jwk ? { key: jwk, format: 'jwk' } : text);
}

function keyAlgorithms(key: KeyObject): readonly string[] {
  const { namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const ofType: Readonly<Record<string, readonly string[]>> = {
    rsa: ['RS256', 'PS256', 'RS384', 'RS512', 'PS384', 'PS512'],
    ed25519: ['EdDSA', 'Ed25519'],
    'ec prime256v1': ['ES256'],
    'ec secp384r1': ['ES384'],
    'ec secp521r1': ['ES512'],
  };
  return ofType[`${key.asymmetricKeyType} ${namedCurve}`.trim()] ?? [];
}

/** The algorithms that a key accepted by {@link readPrivateKey} or {@link readPublicKey} can serve. */
export function algorithmsOf(text: string): readonly string[] {
  const { jwk } = readKeyText(text);
  const key = importKey(() => createPublicKey(jwk ? { key: jwk, format: 'jwk' } : text));
  return key ? keyAlgorithms(key) : [];
}
