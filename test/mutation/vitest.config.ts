// For `npm run mutate` alone: tests on sources of which some are replaced.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { alias } from '../../vitest.config.js';
import { readEnvironment } from './environment.js';

const root = path.resolve(import.meta.dirname, '../..');
const { sources, files, progress } = readEnvironment();

/** Runs the files in the order in which they were named: those that notice most stand first. */
class AsNamed extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number =>
      files.indexOf(path.relative(root, moduleId));
    return specifications.toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  root,
  resolve: { alias },
  plugins: [
    {
      name: 'replaced-sources',
      enforce: 'pre',
      load(id) {
        const replaced = path.join(sources, path.relative(root, id));
        return path.isAbsolute(id) && id.endsWith('.ts') && existsSync(replaced)
          ? readFileSync(replaced, 'utf8')
          : undefined;
      },
    },
  ],
  test: {
    include: [...files],
    ...(progress !== undefined && { runner: './test/mutation/switching-runner.ts' }),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    sequence: { sequencer: AsNamed },
    // One test at a time, so that what is covered is covered by that test.
    maxConcurrency: 1,
  },
});
