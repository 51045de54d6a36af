#!/usr/bin/env node
import { runCommandLine } from './command-line.js';

const { stdout, stderr } = process;
// An application that is loaded gets a standard output of its own.
const write = stdout.write.bind(stdout);
let endsWithCommand = false;

let isLost = false;

stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  // A reader that has seen enough, such as head, closes the pipe: the exit code holds.
  if (code === 'EPIPE') return;
  isLost = true;
  process.exitCode = 1;
  stderr.write(`latchkey: standard output cannot be written: ${code ?? 'it failed'}\n`);
});
// Nothing is left to say it on.
stderr.on('error', () => undefined);

const exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  read: () => process.stdin.setEncoding('utf8'),
  print: (text) => void write(text),
  complain: (text) => void stderr.write(text),
  isTty: { stdout: stdout.isTTY, stderr: stderr.isTTY },
  // A terminal that does not know its width says 0.
  columns: stdout.columns || undefined,
  endWithCommand: () => {
    endsWithCommand = true;
  },
});
process.exitCode = isLost ? 1 : exitCode;

// A pipe may still be taking what was written.
if (endsWithCommand) stdout.write('', () => stderr.write('', () => process.exit()));
