import { Readable } from 'node:stream';
import { runCommandLine } from '../../lib/cli/command-line.js';
import type { Terminal } from '../../lib/cli/terminal.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings extends Pick<Terminal, 'isTty' | 'columns'> {
  readonly env?: Terminal['env'];
  readonly stdin?: string;
}

/** Runs the command line as its user does, but in this process, which is much faster. */
export async function latchkey(
  args: readonly string[],
  { env = {}, stdin = '', ...others }: Surroundings = {},
): Promise<Outcome> {
  const output = { stdout: '', stderr: '' };
  const code = await runCommandLine(args, {
    env,
    read: () => Readable.from([stdin]),
    print: (text) => void (output.stdout += text),
    complain: (text) => void (output.stderr += text),
    ...others,
  });
  return { code, ...output };
}
