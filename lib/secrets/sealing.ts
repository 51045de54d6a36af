import { CompactEncrypt, compactDecrypt, type CompactJWEHeaderParameters } from 'jose';
import type { RootKeys } from './derived-keys.js';
import { isRecord } from '../is-record.js';

/** Puts values where only we can read them: into cookies, or a provider's `state`. */
export interface Sealer {
  /** Encrypts a JSON value that is good for `lifeSeconds`. Rejects with a {@link TooLongToSealError}. */
  seal(value: unknown, lifeSeconds: number): Promise<string>;
  /** The value; undefined for anything not sealed by us, for another purpose, or too old. */
  open(sealed: string): Promise<unknown>;
}

interface SealerOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Longest sealed text that is made and opened. @defaultValue as much as a browser keeps in one cookie: `4096` */
  readonly maxLength?: number;
}

/** The value is too long: sealed, it could not be kept or opened. */
export class TooLongToSealError extends Error {
  override readonly name = 'TooLongToSealError';
}

const HEADER = { alg: 'dir', enc: 'A256GCM' } as const;

/**
 * Seals by JWE (RFC 7516, `dir` with A256GCM). Each purpose has a key of its own, so that what was sealed for
 * one can never be opened as another. Previous roots open; the current one seals.
 */
export function createSealer(
  roots: RootKeys,
  purpose: string,
  { now, maxLength = 4096 }: SealerOptions,
): Sealer {
  const keyOf = (kid: string | undefined) =>
    kid === undefined ? undefined : roots.find(kid)?.derive(`seal ${purpose}`);
  return Object.freeze({
    async seal(value: unknown, lifeSeconds: number): Promise<string> {
      const { kid } = roots.current;
      const text = JSON.stringify({ value, until: now() + lifeSeconds * 1000 });
      const key = roots.current.derive(`seal ${purpose}`);
      const sealed = await new CompactEncrypt(Buffer.from(text))
        .setProtectedHeader({ ...HEADER, kid })
        .encrypt(key);
      if (sealed.length <= maxLength) return sealed;
      throw new TooLongToSealError(`${purpose}: more than ${maxLength} characters`);
    },
    async open(sealed: string): Promise<unknown> {
      if (sealed.length > maxLength) return undefined;
      const text = await decrypt(sealed, keyOf);
      const envelope: unknown = text === undefined ? undefined : JSON.parse(text);
      if (!isRecord(envelope)) return undefined;
      const { value, until } = envelope;
      return typeof until === 'number' && now() < until ? value : undefined;
    },
  });
}

async function decrypt(
  sealed: string,
  keyOf: (kid: string | undefined) => Buffer | undefined,
): Promise<string | undefined> {
  const findKey = ({ kid, zip }: CompactJWEHeaderParameters): Buffer => {
    const key = zip === undefined ? keyOf(kid) : undefined;
    if (key) return key;
    throw new TypeError('not sealed by us');
  };
  try {
    const { plaintext } = await compactDecrypt(sealed, findKey, {
      keyManagementAlgorithms: [HEADER.alg],
      contentEncryptionAlgorithms: [HEADER.enc],
    });
    return Buffer.from(plaintext).toString('utf8');
  } catch {
    // Why it could not be opened is of no use to anybody but an attacker.
    return undefined;
  }
}
