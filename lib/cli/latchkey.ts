#!/usr/bin/env node
import { runCommandLine } from './command-line.js';

const { stdout, stderr } = process;
// An application that is loaded gets a standard output of its own.
const write = stdout.write.bind(stdout);
let endsWithCommand = false;

// A reader that has seen enough, such as head, closes the pipe: the rest of the text is lost, and the exit code holds.
for (const output of [stdout, stderr])
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

process.exitCode = await runCommandLine(process.argv.slice(2), {
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

// A pipe may still be taking what was written.
if (endsWithCommand) stdout.write('', () => stderr.write('', () => process.exit()));
