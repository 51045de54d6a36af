import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/*
 * Completes `dist/` after the compiler, so that the package works from both module systems and stays one copy:
 *
 * - `dist/index.cjs` is what `require('latchkey')` loads. It loads the ECMAScript module, so an application that
 *   uses both systems has one `AuthError` class and one set of caches.
 * - `dist/types/` holds every declaration once, marked as CommonJS: TypeScript 5.4 to 5.7 (`module: node16`)
 *   refuses a CommonJS file that imports an ECMAScript declaration. `dist/index.d.ts` passes the same
 *   declarations on to ECMAScript modules.
 */

interface Entry {
  readonly import: { readonly types: string; readonly default: string };
  readonly require: { readonly types: string; readonly default: string };
}

const root = path.resolve(import.meta.dirname, '../..');
const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, Entry | string>>;
};

await cp(path.join(root, 'lib'), path.join(root, 'dist'), {
  recursive: true,
  filter: (source) => path.extname(source) === '' || source.endsWith('.cjs'),
});
await write('dist/types/package.json', '{ "type": "commonjs" }\n');
const entries = Object.values(manifest.exports).filter((entry) => typeof entry !== 'string');
await Promise.all(entries.map(writeEntry));

async function writeEntry({ import: esm, require: commonjs }: Entry): Promise<void> {
  const module = relative(commonjs.default, esm.default);
  const declaration = relative(esm.types, commonjs.types).replace(/\.d\.ts$/, '.js');
  await write(commonjs.default, `'use strict';\n\nmodule.exports = require('${module}');\n`);
  await write(esm.types, `export * from '${declaration}';\n`);
}

function relative(from: string, to: string): string {
  const way = path.posix.relative(path.posix.dirname(from), to);
  return way.startsWith('.') ? way : `./${way}`;
}

async function write(name: string, text: string): Promise<void> {
  const file = path.join(root, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}
