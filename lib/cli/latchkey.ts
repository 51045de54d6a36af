#!/usr/bin/env node
import { runCommandLine } from './command-line.js';

const { stdout, stderr } = process;
// An application that is loaded gets a standard output of its own.
const write = stdout.write.bind(stdout);
let endsWithCommand = false;

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  read: () => process.stdin.setEncoding('utf8'),
  print: (text) => void write(text),
  complain: (text) => void stderr.write(text),
  isTty: { stdout: stdout.isTTY, stderr: stderr.isTTY },
  columns: stdout.columns,
  endWithCommand: () => {
    endsWithCommand = true;
  },
});

// A pipe may still be taking what was written.
if (endsWithCommand) stdout.write('', () => stderr.write('', () => process.exit()));
