import { createHash } from 'node:crypto';
import { leakedSecretHashes } from './leaked-secret-hashes.js';
import { visiblePart } from './visible-part.js';

/** Characters of one hash: 6 bytes in base64. One in 10^11 unlisted secrets has the hash of a listed one. */
export const HASH_LENGTH = 8;

let known: ReadonlySet<string> | undefined;

/** Whether a secret, as it is or decoded from base64, is on a public list of leaked ones. */
export function isLeakedSecret(secret: string | Uint8Array): boolean {
  // Made at the first question: most applications only verify, and ask none.
  known ??= new Set(leakedSecretHashes.match(new RegExp(`.{${HASH_LENGTH}}`, 'g')));
  const text = typeof secret === 'string' ? secret : Buffer.from(secret).toString('utf8');
  return [Buffer.from(secret), ...formsOf(text)].map(hashOf).some((hash) => known?.has(hash));
}

/** A secret's bytes, those without white space around it, and those that it encodes in base64, also where a program took them for text. */
export function formsOf(secret: string): readonly Buffer[] {
  const text = visiblePart(secret);
  const forms = [Buffer.from(secret), Buffer.from(text)];
  const decoded = Buffer.from(text, 'base64');
  return [...forms, decoded, Buffer.from(decoded.toString('utf8'))];
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest().toString('base64', 0, 6);
}
