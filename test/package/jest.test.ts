import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packPackage, root } from './build-package.js';
import { findBlock, readReadmes } from './readmes.js';
import { createScratchProject, dependencyNames, type ScratchProject } from './scratch-project.js';
import { plainEnvironment } from './start-script.js';

const run = promisify(execFile);

// Jest compiles the package first, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

/** What ts-jest loads from beside itself; `typescript` must be a version that it can use. */
const besideTsJest = [
  'bs-logger',
  'fast-json-stable-stringify',
  'handlebars',
  'jest-util',
  'json5',
  'lodash.memoize',
  'make-error',
  'semver',
  'typescript@npm:typescript5',
  'yargs-parser',
];

let project: ScratchProject;

beforeAll(async () => {
  const jest = ['@babel/preset-env', '@jest/globals', '@jest/transform', '@jest/types'];
  project = await createScratchProject(
    [...(await dependencyNames()), ...jest, ...besideTsJest, 'express', 'supertest'],
    await packPackage(),
  );
  const installed = path.join(project.folder, 'node_modules/ts-jest');
  await cp(path.join(root, 'node_modules/ts-jest'), installed, { recursive: true });
  const [readme, ...others] = await readReadmes();
  const testing = others.find(({ file }) => file === 'lib/testing/README.md');
  const { code } = findBlock(readme, 'Testing', 'ts');
  const test = code.replace("from 'vitest'", "from '@jest/globals'");
  const { code: documentedLine } = findBlock(testing, 'Jest', 'js');
  const compilerOptions = {
    module: 'commonjs',
    moduleResolution: 'node10',
    target: 'es2022',
    esModuleInterop: true,
    allowJs: true,
    isolatedModules: true,
  };
  await Promise.all([
    project.write('package.json', '{ "name": "scratch", "private": true }\n'),
    project.write('api.test.js', test),
    project.write('api.test.ts', test),
    project.write('babel.config.js', babelConfig),
    project.write('tsconfig.json', JSON.stringify({ compilerOptions })),
    project.write('babel.jest.js', jestConfig("testMatch: ['**/*.test.js']", documentedLine)),
    project.write(
      'ts-jest.jest.js',
      jestConfig(
        "testMatch: ['**/*.test.ts'], preset: 'ts-jest/presets/js-with-ts'",
        documentedLine,
      ),
    ),
  ]);
}, 120_000);
afterAll(() => project.remove());

describe.concurrent("the README's example of tests", () => {
  it.each([
    { version: 'jest29', transformer: 'ts-jest' },
    { version: 'jest', transformer: 'babel' },
  ])('passes in $version with $transformer and the documented line', async (given) => {
    const command = path.join(root, 'node_modules', given.version, 'bin/jest.js');
    const config = ['--config', `${given.transformer}.jest.js`];
    const { stderr } = await run(
      process.execPath,
      [command, ...config, '--rootDir', project.folder, '--no-cache', '--runInBand'],
      { cwd: project.folder, env: { ...plainEnvironment(), NO_COLOR: '1' } },
    ).catch((error: { readonly stderr: string }) => error);
    expect(stderr).toMatch(/^Tests: +2 passed, 2 total$/m);
  });
});

const babelConfig = `
module.exports = { presets: [['@babel/preset-env', { targets: { node: 'current' } }]] };
`;

function jestConfig(settings: string, documentedLine: string): string {
  return `module.exports = { ${settings}, testTimeout: 120_000,\n${documentedLine}};\n`;
}
