import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { root } from './build-package.js';

const lib = path.join(root, 'lib');
const map = await readFile(path.join(lib, 'README.md'), 'utf8');

/** What stands in backticks and looks like a file or folder: `errors.ts`, `middleware/`, `test/attacks/`. */
const named = [...map.matchAll(/`([\w.-]+(?:\/[\w.-]+)*(?:\/|\.ts))`/g)].map(
  ([, name = '']) => name,
);

it('the map of lib/ has at most 100 lines', () => {
  expect(map.trimEnd().split('\n').length).toBeLessThanOrEqual(100);
});

it('every path that the map names exists', () => {
  expect(named.length).toBeGreaterThan(30);
  expect(
    named.filter((name) => !existsSync(path.join(lib, name)) && !existsSync(path.join(root, name))),
  ).toEqual([]);
});

it('the map names every file and folder of lib/', async () => {
  const entries = await readdir(lib, { withFileTypes: true });
  const expected = entries
    .filter((entry) => entry.isDirectory() || entry.name.endsWith('.ts'))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  expect(expected.filter((name) => !named.includes(name))).toEqual([]);
});

it('in the map no file of the spine imports one that stands below it', async () => {
  const spine = named.filter((name) => existsSync(path.join(lib, name)) && !name.includes('/'));
  const order = [...new Set(spine)];
  const imports = await Promise.all(
    order.map(async (file) => ({
      file,
      imported: importsOf(await readFile(path.join(lib, file), 'utf8')),
    })),
  );
  const wrong = imports.flatMap(({ file, imported }) =>
    imported
      .filter((other) => order.indexOf(other) > order.indexOf(file))
      .map((other) => `${file} imports ${other}, which stands below it`),
  );
  expect(wrong).toEqual([]);
});

it.each([
  'README.md',
  'CHANGELOG.md',
  'lib/README.md',
  'examples/quickstart/README.md',
  'examples/analytics-api/README.md',
  'examples/same-origin-bff/README.md',
])('the relative links of %s lead somewhere', async (file) => {
  const text = await readFile(path.join(root, file), 'utf8');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  const relative = targets.filter((target) => !/^[a-z]+:/.test(target));
  const broken = relative.filter((target) => !leadsSomewhere(target, { file, text }));
  expect(broken).toEqual([]);
});

function leadsSomewhere(
  target: string,
  from: { readonly file: string; readonly text: string },
): boolean {
  const [file = '', anchor] = target.split('#');
  if (file !== '') return existsSync(path.join(root, path.dirname(from.file), file));
  return anchorsOf(from.text).includes(anchor ?? '');
}

/** Anchors of headings as GitHub makes them. */
function anchorsOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Files beside this one that it imports, types included. */
function importsOf(source: string): readonly string[] {
  return [...source.matchAll(/from '\.\/([\w-]+)\.js'/g)].map(([, name = '']) => `${name}.ts`);
}
