import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';

/*
 * Makes `dist/`, so that the package loads fast, works from both module systems and stays one copy:
 *
 * - `dist/index.js` and the other entries are ECMAScript modules. What they share is in chunks beside them, and so is what is
 *   loaded later, like the routes: Node loads a few large files much faster than hundreds of small ones. The client is built
 *   by itself, because applications serve its folder to browsers as it is.
 * - `dist/index.cjs` is what `require('latchkey')` loads. It loads the ECMAScript module, so an application that
 *   uses both systems has one `AuthError` class and one set of caches.
 * - `dist/types/` holds every declaration once, marked as CommonJS: TypeScript 5.4 to 5.7 (`module: node16`)
 *   refuses a CommonJS file that imports an ECMAScript declaration. `dist/index.d.ts` passes the same
 *   declarations on to ECMAScript modules.
 *
 * Types are checked by `npm run types` and not here: many tests and every example build first.
 */

/** Where a module comes from, and where it goes in `dist/`. */
interface EntryPoint {
  readonly in: string;
  readonly out: string;
}

/** A subpath in `exports` of package.json. */
interface Entry {
  readonly import: { readonly types: string; readonly default: string };
  readonly require: { readonly types: string; readonly default: string };
}

/**
 * These are entries although the package doesn't name them, so that chunks separate what only signing in needs from what verifying
 * tokens does. A bundler leaves out a whole file whose exports aren't used, but keeps what a used one computes when it is loaded.
 */
const apart = ['lib/auth.ts', 'lib/verifier/verifier.ts', 'lib/middleware/require-auth.ts'];

/** Imports CommonJS files from the root of `dist/`, where the chunks are: inside a chunk they would have no `require()`. */
const keepCommonjs: Plugin = {
  name: 'keep-commonjs',
  setup(bundler) {
    bundler.onResolve({ filter: /\.cjs$/ }, ({ path: name, resolveDir, importer }) => {
      // What only the command line imports lies in a file of another folder, from where the path would lead elsewhere.
      if (path.relative(root, importer).startsWith(path.join('lib', 'cli')))
        throw new Error(
          `${importer} cannot import ${name}: only files that are bundled at the root of dist/ can`,
        );
      return {
        path: relative('lib/index.ts', path.relative(root, path.join(resolveDir, name))),
        external: true,
      };
    });
  },
};

const root = path.resolve(import.meta.dirname, '../..');
const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Entry | string>>;
};
const entries = Object.values(manifest.exports).filter((entry) => typeof entry !== 'string');
const modules = [...Object.values(manifest.bin), ...entries.map((entry) => entry.import.default)];
const isOfClient = (module: string) => module.startsWith('./dist/client/');
const isOther = (module: string) => !isOfClient(module);

await rm(path.join(root, 'dist'), { recursive: true, force: true });
// The client's syntax is shortened, because what a chunk adds counts there: pages load it.
await bundle(modules.filter(isOfClient).map(entryPoint), {
  chunkNames: 'client/[name]-[hash]',
  target: 'es2022',
  minifySyntax: true,
});
const extra = apart.map((source) => ({ in: source, out: `apart/${path.basename(source, '.ts')}` }));
await bundle([...modules.filter(isOther).map(entryPoint), ...extra], {
  platform: 'node',
  target: 'node20',
});
await rm(path.join(root, 'dist/apart'), { recursive: true });
await cp(path.join(root, 'lib/config/load-yaml.cjs'), path.join(root, 'dist/config/load-yaml.cjs'));
await Promise.all([writeDeclarations('lib'), writeDeclarations('lib/client')]);
await write('dist/types/package.json', '{ "type": "commonjs" }\n');
await Promise.all(entries.map(writeDoors));

/** `./dist/cli/latchkey.js`, for one, is made of `lib/cli/latchkey.ts`. */
function entryPoint(module: string): EntryPoint {
  const out = module.slice('./dist/'.length, -'.js'.length);
  return { in: `lib/${out}.ts`, out };
}

/** Bundles what is ours. Other packages stay imports, so that npm keeps them up to date and an application has each once. */
async function bundle(entryPoints: readonly EntryPoint[], options: BuildOptions): Promise<void> {
  await build({
    ...options,
    absWorkingDir: root,
    entryPoints: [...entryPoints],
    outdir: 'dist',
    bundle: true,
    splitting: true,
    format: 'esm',
    packages: 'external',
    plugins: [keepCommonjs],
    // Without their text: the sources are in the package.
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  });
}

async function writeDeclarations(project: string): Promise<void> {
  const args = ['-p', project, '--noCheck', '--singleThreaded'];
  const compiler = spawn(path.join(root, 'node_modules/.bin/tsc'), args, {
    cwd: root,
    stdio: 'inherit',
  });
  const [code] = await once(compiler, 'close');
  if (code !== 0) throw new Error(`tsc cannot write the declarations of ${project}`);
}

async function writeDoors({ import: esm, require: commonjs }: Entry): Promise<void> {
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
