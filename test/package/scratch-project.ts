import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from './build-package.js';

const run = promisify(execFile);

/** A project outside the repository, with some packages installed. */
export interface ScratchProject {
  readonly folder: string;
  /** Writes a file, with the folders above it. Returns its path. */
  write(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
}

/**
 * Makes an ECMAScript project with exactly these packages in `node_modules`, linked from the repository's own,
 * and our package as the repository has it or as packed into a tarball. Nothing else can be imported in it.
 * `name@npm:other` links the repository's `other` under the name `name`.
 */
export async function createScratchProject(
  packages: readonly string[],
  tarball?: string,
): Promise<ScratchProject> {
  const folder = await mkdtemp(path.join(tmpdir(), 'latchkey-'));
  const write = async (name: string, text: string) => {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
    return file;
  };
  await write('package.json', '{ "name": "scratch", "private": true, "type": "module" }\n');
  const modules = path.join(folder, 'node_modules');
  await mkdir(modules);
  if (tarball === undefined) await symlink(root, path.join(modules, 'latchkey'));
  else await extract(tarball, path.join(modules, 'latchkey'));
  for (const spec of packages) {
    const [name = '', source = name] = spec.split('@npm:');
    await mkdir(path.dirname(path.join(modules, name)), { recursive: true });
    await symlink(path.join(root, 'node_modules', source), path.join(modules, name));
  }
  return { folder, write, remove: () => rm(folder, { recursive: true }) };
}

async function extract(tarball: string, into: string): Promise<void> {
  await mkdir(into);
  await run('tar', ['-xzf', tarball, '-C', into, '--strip-components=1']);
}

/** Names of the packages that npm installs together with ours. */
export async function dependencyNames(): Promise<readonly string[]> {
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  return Object.keys(manifest.dependencies);
}
