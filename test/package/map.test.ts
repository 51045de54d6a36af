import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { root } from './build-package.js';
import { readReadmes } from './readmes.js';

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

it('no room imports one of its own floor or of a floor above, as the map draws them', async () => {
  const rows = [...map.matchAll(/^\| (\d+)(a?) +\| `([\w-]+(?:\/|\.ts))`/gm)];
  const floors = new Map(
    rows.map(([, floor, half, room = '']) => [room, Number(floor) + (half === 'a' ? 0.5 : 0)]),
  );
  expect(floors.size).toBeGreaterThan(20);
  const files = (await readdir(lib, { recursive: true })).filter((file) => file.endsWith('.ts'));
  const wrong = await Promise.all(
    files
      .filter((file) => !file.startsWith('testing/'))
      .map(async (file) => {
        const room = roomOf(file);
        const imported = importsOf(await readFile(path.join(lib, file), 'utf8'))
          .map((specifier) => path.join(path.dirname(file), specifier))
          .filter((other) => roomOf(other) !== room);
        const floor = floors.get(room) ?? 0;
        // The vocabulary of the first floor is one room in several files.
        return imported
          .filter((other) => (floors.get(roomOf(other)) ?? 0) >= Math.max(floor, 2))
          .map((other) => `${file} imports ${other}`);
      }),
  );
  expect(wrong.flat()).toEqual([]);
});

const documents = [
  ...(await readReadmes()),
  { file: 'CHANGELOG.md', text: await readFile(path.join(root, 'CHANGELOG.md'), 'utf8') },
];

it('every room that has a README is linked from the README at the root', () => {
  const [rootReadme] = documents;
  const rooms = documents.filter(({ file }) => file.startsWith('lib'));
  expect(rooms.length).toBeGreaterThan(8);
  expect(rooms.filter(({ file }) => !rootReadme?.text.includes(`](${file}`))).toEqual([]);
});

it.each(documents)('the relative links of $file lead somewhere', async ({ file, text }) => {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  const relative = targets.filter((target) => !/^[a-z]+:/.test(target));
  const leads = await Promise.all(relative.map((target) => leadsSomewhere(target, file)));
  expect(relative.filter((_target, at) => leads[at] !== true)).toEqual([]);
});

async function leadsSomewhere(target: string, from: string): Promise<boolean> {
  const [name = '', anchor] = target.split('#');
  const file = path.join(root, name === '' ? from : path.join(path.dirname(from), name));
  if (!existsSync(file)) return false;
  return anchor === undefined || anchorsOf(await readFile(file, 'utf8')).includes(anchor);
}

/** Anchors of headings as GitHub makes them. */
function anchorsOf(markdown: string): readonly string[] {
  const prose = markdown.replaceAll(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** A room is a folder of lib/, or a file at its root. By the name that the map has for it: `auth/` is not `auth.ts`. */
function roomOf(file: string): string {
  const [first = '', ...rest] = file.split(path.sep);
  return rest.length > 0 ? `${first}/` : first.replace(/\.js$/, '.ts');
}

/** The relative specifiers that a source imports, types included. */
function importsOf(source: string): readonly string[] {
  return [...source.matchAll(/(?:from|import\() *'(\.[^']*)'/g)].map(([, name = '']) => name);
}
