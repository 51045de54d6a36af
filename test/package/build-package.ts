import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Root of the repository. */
export const root = path.resolve(import.meta.dirname, '../..');

const lock = path.join(root, 'node_modules/.latchkey-build');
const entry = path.join(root, 'dist/index.js');
const ABANDONED_MS = 60_000;

/**
 * Makes `dist/` fit the sources, for tests that use the package as it is published. Test files run side by
 * side, so one builds while the others wait, and nobody rewrites what another one is reading.
 */
export async function buildPackage(): Promise<void> {
  await acquireLock();
  try {
    const startedAt = new Date();
    const changes = await Promise.all(
      ['lib', 'scripts'].map((name) => newestIn(path.join(root, name))),
    );
    if ((await changedAt(entry)) > Math.max(...changes)) return;
    await run('npm', ['run', '--silent', 'build'], { cwd: root });
    // What was changed while the compiler ran is newer than this.
    await utimes(entry, startedAt, startedAt);
  } finally {
    await rm(lock, { recursive: true });
  }
}

async function acquireLock(): Promise<void> {
  const isOurs = await mkdir(lock).then(
    () => true,
    () => false,
  );
  if (isOurs) return;
  if (Date.now() - (await changedAt(lock)) > ABANDONED_MS)
    await rm(lock, { recursive: true, force: true });
  await sleep(50);
  await acquireLock();
}

/** Milliseconds since 1970; 0 for what does not exist. */
async function changedAt(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

/** Folders count too: theirs is the only time that a deleted file changes. */
async function newestIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const times = await Promise.all(
    [folder, ...names.map((name) => path.join(folder, name))].map(changedAt),
  );
  return Math.max(...times);
}
