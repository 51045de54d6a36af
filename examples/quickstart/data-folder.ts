import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface DataFolder {
  readonly path: string;
  readonly storeUrl: string;
  /** Signs tokens. Made once: with a new one at every start, nobody would stay signed in. */
  readonly secret: string;
  readonly mails: string;
}

/** Everything that outlives the process. An application has its secret from elsewhere: AUTH_JWT_SECRET_FILE. */
export function openDataFolder(folder: string): DataFolder {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const secretFile = path.join(folder, 'secret');
  if (!existsSync(secretFile))
    writeFileSync(secretFile, randomBytes(48).toString('base64'), { mode: 0o600 });
  return {
    path: folder,
    storeUrl: process.env.AUTH_STORE_URL ?? `file:${path.join(folder, 'auth.db')}`,
    secret: readFileSync(secretFile, 'utf8'),
    mails: path.join(folder, 'mails'),
  };
}
