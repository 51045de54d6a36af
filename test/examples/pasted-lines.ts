import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { plainEnvironment } from '../package/start-script.js';

const run = promisify(execFile);

export interface PastedLines {
  /** Status of each answer that a comment foretells: `# Own projects want a user: 401`. */
  readonly announced: readonly string[];
  /** Status of each answer that `curl -i` has shown. */
  readonly answered: readonly string[];
  readonly stdout: string;
}

/** Runs lines as somebody does who copies them into a terminal, in an empty folder. */
export async function pasteLines(lines: string): Promise<PastedLines> {
  const cwd = await mkdtemp(path.join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rm(cwd, { recursive: true }));
  const { stdout } = await run('bash', ['-c', lines], { cwd, env: plainEnvironment() });
  return {
    announced: [...lines.matchAll(/^# .+: (\d{3})$/gm)].map(([, status = '']) => status),
    answered: [...stdout.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status),
    stdout,
  };
}

/** The first `sh` block of a README that begins like this. */
export function shellBlock(readme: string, beginning: string): string {
  const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const found = blocks.find((block) => block.startsWith(beginning));
  if (found === undefined) throw new Error(`The README has no block that begins with ${beginning}`);
  return found;
}
