#!/usr/bin/env node
import { runCommandLine } from './command-line.js';

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  read: () => process.stdin.setEncoding('utf8'),
  print: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
  isTty: { stdout: process.stdout.isTTY, stderr: process.stderr.isTTY },
});
