import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Root of the repository. */
export const root = path.resolve(import.meta.dirname, '../..');

/** Holds the id of the process that builds. */
const lock = path.join(root, 'node_modules/.latchkey-build.pid');
/** Among what a build writes last. One that was cut short has none. */
const entry = path.join(root, 'dist/index.cjs');
/** Longer than a build takes on a busy machine. */
const ABANDONED_MS = 180_000;
const tarball = path.join(root, 'node_modules/.cache/latchkey/latchkey.tgz');

/**
 * Makes `dist/` fit the sources, for tests and examples that use the package as it is published. They run side by
 * side, so one builds while the others wait, and nobody rewrites what another one is reading.
 */
export async function buildPackage(onBuild: () => void = () => undefined): Promise<void> {
  await locked(async () => {
    const startedAt = new Date();
    const sources = ['lib', '.ci/scripts', 'package.json', 'tsconfig.json'];
    if ((await changedAt(entry)) > (await newestOf(sources))) return;
    onBuild();
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
    await rm(lock, { force: true });
  }
}

async function acquireLock(): Promise<void> {
  const isOurs = await writeFile(lock, String(process.pid), { flag: 'wx' }).then(
    () => true,
    () => false,
  );
  if (isOurs) return;
  if (await isAbandoned()) await rm(lock, { force: true });
  await sleep(50);
  await acquireLock();
}

/** Whether the process that has the lock was ended before it could give it back. Another one may have its id by now. */
async function isAbandoned(): Promise<boolean> {
  const [pid, since] = [
    Number(await readFile(lock, 'utf8').catch(() => '')),
    await changedAt(lock),
  ];
  if (since > 0 && Date.now() - since > ABANDONED_MS) return true;
  // It is just being written, or was given back.
  if (pid === 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
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
