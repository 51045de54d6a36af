import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as main from 'latchkey';
import * as testing from 'latchkey/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildPackage, root } from './build-package.js';
import { compileExamples } from './readmes.js';
import { createScratchProject, type ScratchProject } from './scratch-project.js';

/** The `@example` of an exported function. */
interface DocExample {
  readonly name: string;
  readonly code: string;
}

const lib = path.join(root, 'lib');
const sources = (await readdir(lib, { recursive: true })).filter((file) => file.endsWith('.ts'));
const examples = (await Promise.all(sources.map(examplesIn))).flat();

const entries = { latchkey: main, 'latchkey/testing': testing };
const publicFunctions = Object.values(entries)
  .flatMap((entry) => Object.entries<unknown>(entry))
  .flatMap(([name, value]) => (typeof value === 'function' ? [name] : []))
  // Not called by applications but thrown at them.
  .filter((name) => !name.endsWith('Error'));

let project: ScratchProject;
beforeAll(async () => {
  await buildPackage();
  project = await createScratchProject([
    'express',
    '@types/express',
    '@types/node',
    'vitest',
    'pg',
    '@types/pg',
    'ioredis',
    'supertest',
    'libsql',
    '@types/superagent',
    '@types/supertest',
  ]);
}, 120_000);
afterAll(() => project.remove());

it('every public function has an example where people hover', () => {
  const shown = new Set(examples.map(({ name }) => name));
  expect(publicFunctions.length).toBeGreaterThan(20);
  expect(publicFunctions.filter((name) => !shown.has(name))).toEqual([]);
});

it('the examples of public functions compile against the built package', async () => {
  const shown = examples.filter(({ name }) => publicFunctions.includes(name));
  const files = await Promise.all(
    shown.map(({ name, code }) => project.write(`${name}.ts`, withImports(code))),
  );
  expect(await compileExamples(project, files, surroundings)).toBe('');
});

async function examplesIn(file: string): Promise<readonly DocExample[]> {
  const source = await readFile(path.join(lib, file), 'utf8');
  const documented = source.matchAll(
    /\/\*\*((?:(?!\*\/)[^])*?)\*\/\nexport (?:async )?(?:function|const) (\w+)/g,
  );
  return [...documented].flatMap(([, comment = '', name = '']) => {
    const text = comment.replace(/^ ?\* ?/gm, '').replace(/^ \* ?/gm, '');
    const [, example] = text.split('@example');
    if (example === undefined) return [];
    const [, fenced] = /```ts\n([^]*?)```/.exec(example) ?? [];
    return [{ name, code: fenced ?? example }];
  });
}

/** What examples take for granted beyond what those of READMEs do. */
const surroundings = `
import type { Request } from 'express';
import type { AuthError } from 'latchkey';
import type { TestIssuer } from 'latchkey/testing';
declare global {
  const req: Request;
  const token: string;
  const url: string;
  const issuer: TestIssuer;
  const it: (title: string, run: () => unknown) => void;
  const request: typeof import('supertest');
  function visibleProjects(userId: string | undefined): unknown;
}
`;

/** Imports what an example uses of the package and doesn't import itself. */
function withImports(code: string): string {
  const imports = Object.entries(entries).map(([entry, exported]) => {
    const used = Object.keys(exported).filter(
      (name) =>
        new RegExp(`\\b${name}\\b`).test(code) &&
        !new RegExp(`(?:auth|import)[^;]*\\b${name}\\b[^;]*from`).test(code) &&
        !new RegExp(`const ${name}\\b`).test(code),
    );
    return used.length > 0 ? `import { ${used.join(', ')} } from '${entry}';\n` : '';
  });
  return `${imports.join('')}${code}\nexport {};\n`;
}
