import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../../package/build-package.js';
import { readReadmes } from '../../package/readmes.js';

const folder = path.join('examples', 'recipes');
const readmes = await readReadmes();

describe.each(['apollo', 'socket-io', 'server-sent-events'])('the README of %s', (name) => {
  const readme = readmes.find(({ file }) => file === path.join(folder, name, 'README.md'));

  it('shows code of the recipe as it is', async () => {
    const code = await readFile(path.join(root, folder, name, 'app.ts'), 'utf8');
    const shown = readme?.blocks.filter(({ language }) => language === 'typescript') ?? [];
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.filter((block) => !unindented(code).includes(unindented(block.code)))).toEqual([]);
  });

  it('has at most 60 lines', () => {
    expect(readme?.text.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
  });
});

const unindented = (code: string): string => code.replaceAll(/^ +/gm, '');
