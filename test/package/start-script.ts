import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './build-package.js';

export interface Script {
  readonly child: ChildProcess;
  /** Everything printed so far. */
  readonly output: { stdout: string; stderr: string };
  /** Resolves with the exit code; null when a signal ended it. */
  readonly exit: Promise<number | null>;
}

export interface ScriptOptions {
  readonly cwd?: string;
  /** Added to a copy of our environment that has no variable of ours or of a proxy. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts Node with these arguments. */
export function startScript(
  args: readonly string[],
  { cwd = root, env }: ScriptOptions = {},
): Script {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...plainEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  return { child, output, exit: once(child, 'close').then(([code]) => code as number | null) };
}

/** Waits until the condition holds; fails with what the script printed when it ends first. */
export async function until(
  { child, output }: Script,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  if (await condition()) return;
  if (child.exitCode !== null) throw new Error(`the script has ended\n${output.stderr}`);
  await sleep(25);
  await until({ child, output } as Script, condition);
}

export async function stop({ child, exit }: Script): Promise<number | null> {
  child.kill('SIGTERM');
  return exit;
}

/** Our environment without settings of the package, test runners and proxies. */
export function plainEnvironment(): Record<string, string | undefined> {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(?:AUTH_|VITEST|NODE_ENV$|NODE_OPTIONS$|PORT$|.*_proxy$)/i.test(name),
  );
  return Object.fromEntries(entries);
}
