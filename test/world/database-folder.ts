import { accessSync, constants, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new folder for a SQLite database, in memory where the system has files there: SQLite waits for the disk in every
 * transaction, and no test ends the machine's power.
 */
export function createDatabaseFolder(): string {
  return mkdtempSync(join(hasFilesInMemory() ? '/dev/shm' : tmpdir(), 'latchkey-'));
}

function hasFilesInMemory(): boolean {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
