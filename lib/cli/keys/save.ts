import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from '../../is-record.js';
import { createFolder } from '../../stores/create-folder.js';
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
  make(folder);
  write(secretFile, text, 0o600);
  if (!publicJwk) return { files: [secretFile] };
  write(publicFile, `${JSON.stringify(publicJwk, undefined, 2)}\n`, 0o644);
  return { files: [secretFile, publicFile] };
}

function make(folder: string): void {
  try {
    createFolder(folder);
  } catch (error) {
    throw unwritable(folder, error);
  }
}

function write(file: string, text: string, mode: number): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode });
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? alreadyThere(file) : unwritable(file, error);
  }
}

function codeOf(error: unknown): unknown {
  return isRecord(error) ? error['code'] : undefined;
}

function unwritable(what: string, error: unknown): Error {
  return new Error(
    `${what} cannot be made (${String(codeOf(error))}); name another folder with --out`,
  );
}

function alreadyThere(file: string): Error {
  return new Error(`${file} is already there, and is not overwritten; name another folder`);
}
