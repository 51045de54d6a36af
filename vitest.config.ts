import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const lib = (path: string) => fileURLToPath(new URL(`./lib/${path}`, import.meta.url));

/** Files that need a process of their own: they look at warnings that come once per process, at connections of all of it, or measure memory. */
const ALONE = [
  'test/attacks/public-secrets.test.ts',
  'test/testing/no-network.test.ts',
  'test/router/{former-options,rate-limits}.test.ts',
  'test/stores/memory-growth.test.ts',
];

/** The files that run longest, or the folders of such. Those that mostly wait come among those that compute. */
const LONGEST = [
  'journeys/several-instances',
  'attacks/store-stall',
  'stores/contract',
  'attacks/tenants',
  'journeys/store-outage',
  'journeys/browser',
  'attacks/redis-failover',
  'attacks/cache-memory',
  'package',
  'examples',
  'stores',
  'journeys',
  'cli',
  'attacks',
];

/**
 * Starts the longest files first, also on a clean checkout, where no earlier run has told how long each takes. One
 * project after the other, because a worker goes on with files of its project only.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const projects = ['whole', 'alone'];
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const at = LONGEST.findIndex((beginning) => moduleId.includes(`/test/${beginning}`));
      return projects.indexOf(project.name) * 100 + (at === -1 ? LONGEST.length : at);
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/** Tests, examples and README code name the package as its users do, and run on the sources. */
export const alias = [
  { find: /^latchkey$/, replacement: lib('index.ts') },
  { find: /^latchkey\/testing$/, replacement: lib('testing/index.ts') },
  { find: /^latchkey\/client$/, replacement: lib('client/index.ts') },
  { find: /^latchkey\/client\/dpop$/, replacement: lib('client/dpop.ts') },
];

/** What Node loads for `import 'graphql'`, and so does Apollo. Vite would take the other build of it, whose errors Apollo doesn't know. */
const graphql = {
  find: /^graphql$/,
  replacement: fileURLToPath(new URL('node_modules/graphql/index.js', import.meta.url)),
};

export default defineConfig({
  resolve: { alias: [...alias, graphql] },
  test: {
    sequence: { sequencer: LongestFirst },
    // More than cores: many files wait for processes, sockets or a browser. Not many more: each loads the library and makes RSA keys.
    maxWorkers: Math.max(4, availableParallelism()),
    // Each project compiles for itself; this way it takes what another one, or the run before, has compiled from the same text.
    experimental: { fsModuleCache: true },
    // Most files leave nothing behind, so that one worker runs many of them and loads the library once.
    projects: [
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
          isolate: false,
          // Most of what a test makes is garbage soon. With more room for it, a tenth of the computing time is saved.
          execArgv: ['--max-semi-space-size=64'],
        },
      },
      { extends: true, test: { name: 'alone', include: ALONE } },
    ],
    // Generous: tests assert what happens, never how fast, and CI machines are shared.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Its own limit is a second, which a busy machine needs for things that it does at once elsewhere.
    expect: { poll: { timeout: 25_000 } },
    reporters: ['default', './test/world/closing-line.ts'],
    coverage: {
      provider: 'v8',
      include: ['lib/**/*.ts'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 95, branches: 90 },
    },
  },
});
