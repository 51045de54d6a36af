import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { packPackage, root } from './build-package.js';
import { createScratchProject, dependencyNames, type ScratchProject } from './scratch-project.js';
import { plainEnvironment } from './start-script.js';

const run = promisify(execFile);

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let project: ScratchProject;
let files: readonly string[];

beforeAll(async () => {
  // Neither Express nor any test tool is installed here, so importing one of them would fail.
  const packages = await dependencyNames();
  project = await createScratchProject(packages, await packPackage());
  const installed = path.join(project.folder, 'node_modules/latchkey');
  const entries = await readdir(installed, { recursive: true, withFileTypes: true });
  files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(installed, path.join(entry.parentPath, entry.name)));
}, 120_000);
afterAll(() => project.remove());

const mainNames = [
  'AuthError',
  'ConfigError',
  'OWNER_ROLE',
  'createAuth',
  'createAuthRouter',
  'createVerifier',
  'describeGuard',
  'errorHandler',
  'eventLabels',
  'eventNames',
  'labelsOf',
  'loadConfig',
  'memoryStore',
  'openStore',
  'optionalAuth',
  'optionalPrincipalOf',
  'orgContext',
  'orgOf',
  'postgresStore',
  'principalOf',
  'redisStore',
  'requestIdOf',
  'requireAnyScope',
  'requireAuth',
  'requireAuthContext',
  'requireRoles',
  'requireScopes',
  'sameOrigin',
  'securityHeaders',
  'sqliteStore',
];

it.each([
  { entry: 'latchkey', names: mainNames },
  {
    entry: 'latchkey/testing',
    names: ['attackCorpus', 'authorize', 'createDpopKey', 'createTestIssuer', 'storeContract'],
  },
])(
  'import of $entry works in plain Node without Express, and gives $names',
  async ({ entry, names }) => {
    const code = `console.log(JSON.stringify(Object.keys(await import('${entry}'))))`;
    const { stdout, stderr } = await node(['--input-type=module', '-e', code]);
    expect(JSON.parse(stdout)).toEqual(names);
    expect(stderr).toBe('');
  },
);

it('require of latchkey works in plain Node, without a warning', async () => {
  const code = `console.log(JSON.stringify(Object.keys(require('latchkey'))))`;
  const { stdout, stderr } = await node(['--input-type=commonjs', '-e', code]);
  const names = (JSON.parse(stdout) as string[]).filter((name) => name !== '__esModule');
  expect(names.toSorted()).toEqual(mainNames);
  expect(stderr).toBe('');
});

it('require and import give the same AuthError, so that instanceof holds across both', async () => {
  const code = `
    require('latchkey/express');
    const { authorize } = require('latchkey/testing');
    import('latchkey').then(async (esm) => {
      const testing = await import('latchkey/testing');
      console.log(require('latchkey').AuthError === esm.AuthError, authorize === testing.authorize);
    });`;
  const { stdout } = await node(['--input-type=commonjs', '-e', code]);
  expect(stdout).toBe('true true\n');
});

it('no compiled file refers to import.meta, which Jest and bundles in CommonJS do not have', async () => {
  const compiled = files.filter((file) => /^dist.*\.c?js$/.test(file));
  const texts = await Promise.all(compiled.map(textOf));
  expect(compiled.filter((_file, at) => texts[at]?.includes('import.meta'))).toEqual([]);
});

it('holds what users read and run, and nothing of the tests', () => {
  const folders = new Set(files.map((file) => file.split(path.sep)[0]));
  expect(folders).toEqual(
    new Set(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'examples', 'lib', 'package.json']),
  );
  expect(files.filter((file) => /\.test\.|^test/.test(file))).toEqual([]);
});

it('holds just the compiled files that its entries load, and those are all there', async () => {
  const { exports, bin } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    readonly exports: unknown;
    readonly bin: unknown;
  };
  const entries = [...JSON.stringify({ exports, bin }).matchAll(/"\.\/(dist\/[^"]+\.c?js)"/g)];
  const reached = await reachedFrom(entries.map(([, file = '']) => file));
  const compiled = files.filter((file) => /^dist.*\.c?js$/.test(file));
  expect(compiled.toSorted()).toEqual([...reached].toSorted());
});

it('holds the sources that its source maps name', async () => {
  const maps = files.filter((file) => /^dist.*\.js\.map$/.test(file));
  const named = await Promise.all(
    maps.map(async (file) => {
      const { sources } = JSON.parse(await textOf(file)) as { readonly sources: readonly string[] };
      return sources.map((source) => path.join(path.dirname(file), source));
    }),
  );
  expect(named.flat().length).toBeGreaterThan(300);
  expect(named.flat().filter((source) => !files.includes(source))).toEqual([]);
});

// Babel says on standard error that it stops formatting larger ones, in each run of Jest.
it('has no compiled file of more than 500,000 characters', async () => {
  const compiled = files.filter((file) => /^dist.*\.c?js$/.test(file));
  const texts = await Promise.all(compiled.map(textOf));
  expect(compiled.filter((_file, at) => (texts[at]?.length ?? 0) > 500_000)).toEqual([]);
});

it('has every file that its exports name', async () => {
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    readonly exports: unknown;
  };
  const named = [...JSON.stringify(manifest.exports).matchAll(/"\.\/([^"]+\.[^"]+)"/g)];
  expect(named.length).toBeGreaterThan(0);
  for (const [, file = ''] of named) expect(files).toContain(path.normalize(file));
});

function node(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, args, {
    cwd: project.folder,
    env: plainEnvironment(),
  });
}

function textOf(file: string): Promise<string> {
  return readFile(path.join(project.folder, 'node_modules/latchkey', file), 'utf8');
}

/** These compiled files with all that they load of ours, at once or later. */
async function reachedFrom(entries: readonly string[]): Promise<ReadonlySet<string>> {
  const reached = new Set(entries);
  // A set also iterates over what is added meanwhile.
  for (const file of reached) {
    const loads = (await textOf(file)).matchAll(
      /(?:^(?:import|export|\})[^;\n]*|import\(|^module\.exports = require\()["'](\.[^"']*)["']/gm,
    );
    for (const [, name = ''] of loads) reached.add(path.join(path.dirname(file), name));
  }
  return reached;
}
