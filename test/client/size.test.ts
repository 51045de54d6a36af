import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { root } from '../package/build-package.js';

const LIMIT = 4096;

it.each([
  { what: 'all of latchkey/client', code: "export * from './lib/client/index.js'", limit: LIMIT },
  {
    what: 'what a page loads',
    code: "export { createAuthClient } from './lib/client/index.js'",
    limit: LIMIT,
  },
  {
    what: 'what a server loads',
    code: "export { createApiClient } from './lib/client/index.js'",
    limit: 1024,
  },
  {
    what: 'latchkey/client/dpop, beside it',
    code: "export * from './lib/client/dpop.js'",
    limit: 1280,
  },
])('$what has at most $limit bytes, minified and gzipped', async ({ what, code, limit }) => {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: root, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  const [{ contents } = { contents: new Uint8Array() }] = outputFiles;
  const { length } = gzipSync(contents, { level: 9 });
  console.log(`${what}: ${length} bytes of ${limit}`);
  expect(length).toBeGreaterThan(0);
  expect(length).toBeLessThanOrEqual(limit);
});
