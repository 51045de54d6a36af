import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../../package/build-package.js';
import { readReadmes } from '../../package/readmes.js';

const folder = path.join('examples', 'recipes');
const readmes = await readReadmes();
const entries = await readdir(path.join(root, folder), { withFileTypes: true });
const recipes = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);

describe.each(recipes)('the README of %s', (name) => {
  const readme = readmes.find(({ file }) => file === path.join(folder, name, 'README.md'));

  it('shows code of the recipe as it is, and names all of its files', async () => {
    const files = await readdir(path.join(root, folder, name));
    const sources = files.filter((file) => /\.tsx?$/.test(file));
    const texts = sources.map((file) => readFile(path.join(root, folder, name, file), 'utf8'));
    const code = (await Promise.all(texts)).join('\n');
    const shown = readme?.blocks.filter(({ language }) => language === 'typescript') ?? [];
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.filter((block) => !unindented(code).includes(unindented(block.code)))).toEqual([]);
    expect(sources.filter((file) => !readme?.text.includes(`(${file})`))).toEqual([]);
  });

  it('has at most 60 lines', () => {
    expect(readme?.text.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
  });
});

const unindented = (code: string): string => code.replaceAll(/^ +/gm, '');
