import { hash } from 'node:crypto';
import { checksumOf, hasChecksum, randomDigits } from '../secrets/checksummed-secret.js';

/** A key that has just been made: the only moment in which it is known in full. */
interface NewApiKey {
  /** Names the key in lists and logs. Public. */
  readonly id: string;
  /** `lk_live_<id>_<secret><checksum>`. Secret. */
  readonly key: string;
}

/** Why a text cannot be a key of this application. */
export type ApiKeyFlaw = 'malformed' | 'environment' | 'checksum';

/** The keys of one environment. */
export interface ApiKeyFormat {
  readonly create: () => NewApiKey;
  /** What is wrong with a text; undefined for one that may be a key. Compares nothing secret. */
  readonly flawOf: (text: string) => ApiKeyFlaw | undefined;
  /** The id in a text that {@link ApiKeyFormat.flawOf} found no flaw in. */
  readonly idOf: (key: string) => string;
  /** What a key with this id begins with, to find it in a configuration. Public. */
  readonly prefixOf: (id: string) => string;
}

/** Longer texts are none of our keys, and are not looked into. */
export const MAX_KEY_LENGTH = 75;

const ID_LENGTH = 16;
/** 190 bits. */
const SECRET_LENGTH = 32;

const SHAPE = /^lk_([a-z0-9]{1,16})_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}$/;

/**
 * Prepares the keys of an environment, such as `live`. A key is letters, digits and underscores, so that a double click
 * selects it whole and secret scanners find it: `lk_`, the environment, 16 characters of id, 32 of secret and 6 of
 * checksum. The checksum is the CRC-32 of everything before it: a mistyped or made-up key is told apart without the store.
 */
export function createApiKeyFormat(environment: string): ApiKeyFormat {
  const start = `lk_${environment}_`;
  return Object.freeze({
    create() {
      const id = randomDigits(ID_LENGTH);
      const body = `${start}${id}_${randomDigits(SECRET_LENGTH)}`;
      return { id, key: body + checksumOf(body) };
    },
    flawOf(text) {
      if (text.length > MAX_KEY_LENGTH || !SHAPE.test(text)) return 'malformed';
      if (!text.startsWith(start)) return 'environment';
      return hasChecksum(text) ? undefined : 'checksum';
    },
    idOf: (key) => key.slice(start.length, start.length + ID_LENGTH),
    prefixOf: (id) => `${start}${id}`,
  } satisfies ApiKeyFormat);
}

/** Whether a text looks like a key of any environment, mistyped or not. */
export function isLikeApiKey(text: string): boolean {
  return SHAPE.test(text);
}

/**
 * The digest by which a key is stored and remembered. Plain SHA-256, where passwords take argon2: a secret of 190 random
 * bits cannot be guessed, however fast a guess is checked.
 */
export function digestOfKey(key: string): string {
  return hash('sha256', key, 'base64url');
}
