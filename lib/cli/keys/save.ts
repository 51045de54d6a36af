import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from '../../is-record.js';
import type { NewKey } from './new-key.js';

/** Where a key was written. */
export interface SavedKey {
  /** The key itself, then its public half where it has one. */
  readonly files: readonly [string, ...string[]];
}

/** Writes a key into a folder, for its owner only. Never overwrites: a key that is gone ends every session. */
export function saveKey({ text, publicJwk }: NewKey, folder: string): SavedKey {
  const secretFile = join(folder, publicJwk ? 'private-key.pem' : 'secret.txt');
  const publicFile = join(folder, 'public-jwk.json');
  // Before the private key is written, so that nothing is left behind.
  if (publicJwk && existsSync(publicFile)) throw alreadyThere(publicFile);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  write(secretFile, text, 0o600);
  if (!publicJwk) return { files: [secretFile] };
  write(publicFile, `${JSON.stringify(publicJwk, undefined, 2)}\n`, 0o644);
  return { files: [secretFile, publicFile] };
}

function write(file: string, text: string, mode: number): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode });
  } catch (error) {
    throw isRecord(error) && error['code'] === 'EEXIST' ? alreadyThere(file) : error;
  }
}

function alreadyThere(file: string): Error {
  return new Error(`${file} is already there, and is not overwritten; name another folder`);
}
