import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Root of the repository. */
export const root = path.resolve(import.meta.dirname, '../..');

const lock = path.join(root, 'node_modules/.latchkey-build');
const entry = path.join(root, 'dist/index.js');
const tarball = path.join(root, 'node_modules/.cache/latchkey/latchkey.tgz');
const ABANDONED_MS = 180_000;

/**
 * Makes `dist/` fit the sources, for tests that use the package as it is published. Test files run side by
 * side, so one builds while the others wait, and nobody rewrites what another one is reading.
 */
export async function buildPackage(): Promise<void> {
  await locked(async () => {
    const startedAt = new Date();
    if ((await changedAt(entry)) > (await newestOf(['lib', '.ci/scripts', 'package.json']))) return;
    await run('npm', ['run', '--silent', 'build'], { cwd: root });
    // What was changed while the compiler ran is newer than this.
    await utimes(entry, startedAt, startedAt);
  });
}

/** Packs the package, once for all test files. Returns the path of the tarball. */
export async function packPackage(): Promise<string> {
  await buildPackage();
  await locked(async () => {
    const packed = ['dist', 'lib', 'examples', 'package.json', 'README.md', 'CHANGELOG.md'];
    if ((await changedAt(tarball)) > (await newestOf(packed))) return;
    const folder = path.dirname(tarball);
    await mkdir(folder, { recursive: true });
    // Without scripts, because other tests read `dist/` meanwhile.
    const options = [
      '--json',
      '--ignore-scripts',
      '--loglevel=error',
      '--pack-destination',
      folder,
    ];
    const { stdout } = await run('npm', ['pack', ...options], { cwd: root });
    const [{ filename } = { filename: '' }] = JSON.parse(stdout) as { readonly filename: string }[];
    await rename(path.join(folder, filename), tarball);
  });
  return tarball;
}

async function locked(work: () => Promise<void>): Promise<void> {
  await acquireLock();
  try {
    await work();
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
async function newestOf(places: readonly string[]): Promise<number> {
  const names = await Promise.all(places.map(contentsOf));
  const times = await Promise.all(names.flat().map((name) => changedAt(path.join(root, name))));
  return Math.max(...times);
}

async function contentsOf(place: string): Promise<readonly string[]> {
  const names = await readdir(path.join(root, place), { recursive: true }).catch(() => []);
  return [place, ...names.map((name) => path.join(place, name))];
}
