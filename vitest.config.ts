import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const lib = (path: string) => fileURLToPath(new URL(`./lib/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests, examples and README code name the package as its users do, and run on the sources.
    alias: [
      { find: /^latchkey$/, replacement: lib('index.ts') },
      { find: /^latchkey\/testing$/, replacement: lib('testing/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Generous: tests assert what happens, never how fast, and CI machines are shared.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/world/closing-line.ts'],
    coverage: {
      provider: 'v8',
      include: ['lib/**/*.ts'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 95, branches: 90 },
    },
  },
});
