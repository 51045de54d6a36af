import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The code of a script and of everything that it imports but drivers, which starts in a fifth of the time that `tsx` takes.
 * For a file in the repository, or for Node's standard input there.
 */
export function bundle(entry: string): Promise<string> {
  return bundled({ entryPoints: [entry] }, entry);
}

/** Bundles several scripts like that, to `<name>.mjs` in a folder, with files beside them for what they share. */
export async function bundleInto(folder: string, entries: readonly string[]): Promise<void> {
  await build({
    ...options,
    entryPoints: [...entries],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    splitting: true,
  });
}

/** Runs a program that is bundled like that, in a process of its own. Returns its exit code and what it printed. */
export async function runBundled(
  program: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; stdout: string }> {
  const stdin = { contents: program, resolveDir: root };
  const code = await bundled({ stdin }, 'the program');
  const child = spawn(process.execPath, ['--input-type=module'], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(code);
  let stdout = '';
  child.stdout.on('data', (text) => (stdout += String(text)));
  await once(child, 'close');
  return { code: child.exitCode, stdout };
}

const options = {
  absWorkingDir: root,
  bundle: true,
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
} satisfies BuildOptions;

async function bundled(
  input: Pick<BuildOptions, 'entryPoints' | 'stdin'>,
  name: string,
): Promise<string> {
  const { outputFiles } = await build({ ...options, ...input, write: false });
  const [file] = outputFiles;
  if (!file) throw new Error(`${name} was not bundled`);
  return file.text;
}
