import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The code of a script and of everything that it imports but drivers, which starts in a fifth of the time that `tsx` takes.
 * For a file in the repository, or for Node's standard input there.
 */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    alias: { latchkey: './lib/index.ts' },
    external: ['@node-rs/argon2', 'ioredis', 'libsql', 'pg'],
    // What packages in CommonJS load Node's own modules with, and we the drivers.
    banner: {
      js: `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(${JSON.stringify(root)});`,
    },
    logLevel: 'error',
  });
  const [file] = outputFiles;
  if (!file) throw new Error(`${entry} was not bundled`);
  return file.text;
}
