import { cp, readdir } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll } from 'vitest';
import { buildPackage, root } from '../package/build-package.js';
import {
  createScratchProject,
  dependencyNames,
  type ScratchProject,
} from '../package/scratch-project.js';

/**
 * The examples as JavaScript, for the tests of one file or `describe()`, in a project that has the built package and what
 * `npm run example` finds beside it. Answers which file Node runs to start one, such as `same-origin-bff/1-public`: in a
 * quarter of the time that `tsx` takes.
 */
export function compiledExamples(): (name: string) => string {
  let project: ScratchProject | undefined;
  beforeAll(async () => {
    await buildPackage();
    const packages = [...(await dependencyNames()), 'express', 'oidc-provider'];
    project = await createScratchProject(packages);
    await compileInto(path.join(project.folder, 'examples'));
  }, 120_000);
  afterAll(() => project?.remove());
  return (name) => path.join(project?.folder ?? '', 'examples', name, 'server.js');
}

/** File by file, with the pages and data that they read from beside them. */
async function compileInto(folder: string): Promise<void> {
  const sources = path.join(root, 'examples');
  // A quickstart that was started here has kept its users.
  const isRead = (file: string): boolean => !file.endsWith('.ts') && path.basename(file) !== 'data';
  await cp(sources, folder, { recursive: true, filter: isRead });
  const names = await readdir(sources, { recursive: true });
  await build({
    entryPoints: names
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => path.join(sources, name)),
    outbase: sources,
    outdir: folder,
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  });
}
