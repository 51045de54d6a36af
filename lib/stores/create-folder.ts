import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { isRecord } from '../is-record.js';

/**
 * Makes a folder that only its owner can use, and those above it that are missing. One after the other: with `recursive`, Node 20 never returns
 * where an existing folder refuses another one by ENOENT, such as /proc or one below a link that leads nowhere.
 */
export function createFolder(folder: string): void {
  if (existsSync(folder)) return;
  const above = path.dirname(folder);
  // The drive of a path may be missing, which has nothing above.
  if (above !== folder) createFolder(above);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process was first.
    if (!isRecord(error) || error['code'] !== 'EEXIST') throw error;
  }
}
