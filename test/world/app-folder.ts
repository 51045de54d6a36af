import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';

export interface AppFolder {
  readonly path: () => string;
  /** Writes a module, which can import what the project has installed. Returns its path. */
  readonly write: (source: string, kind?: 'mjs' | 'cjs') => string;
}

/** A folder for the modules of applications, until the tests of the file are over. */
export function createAppFolder(): AppFolder {
  let folder = '';
  let written = 0;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-apps-'));
    symlinkSync(path.resolve('node_modules'), path.join(folder, 'node_modules'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    path: () => folder,
    write(source, kind = 'mjs') {
      const file = path.join(folder, `app-${(written += 1)}.${kind}`);
      writeFileSync(file, source);
      return file;
    },
  };
}
