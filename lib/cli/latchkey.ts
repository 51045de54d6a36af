#!/usr/bin/env node
import { AuthError } from '../errors.js';
import { UsageError } from './usage-error.js';
import { users } from './users.js';

const HELP = `Usage: npx latchkey users <command> [--store <url>]

  users add [--username <name>] [--email <address>] [--role <role>]… [--group <group>]…
            [--org <id>[:<role>,<role>…]]… [--must-reset] [--password-stdin]
      Adds a user. Makes a password and prints it once, unless one comes on standard input.
  users list [--json]
      Lists users.
  users disable <login>
      Keeps a user from signing in, and ends their sessions.
  users reset <login>
      Gives a user a temporary password, printed once, and ends their sessions.

The store is --store or AUTH_STORE_URL: file:./auth.db, postgres://… or redis://…
`;

/** Answers the exit code: 0 done, 1 failed, 2 wrong usage. */
async function main([topic, ...args]: readonly string[]): Promise<number> {
  if (topic === undefined || topic === 'help' || topic === '--help') {
    process.stdout.write(HELP);
    return topic === undefined ? 2 : 0;
  }
  try {
    if (topic !== 'users') throw new UsageError(`there is no command ${JSON.stringify(topic)}`);
    await users(args);
    return 0;
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`latchkey: ${error.message}\n\n${HELP}`);
    return 2;
  }
  process.stderr.write(`latchkey: ${sentenceOf(error)}\n`);
  return 1;
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const fields = error instanceof AuthError ? (error.problem.errors ?? []) : [];
  if (fields.length > 0)
    return fields.map(({ pointer, detail }) => `${memberOf(pointer)} ${detail}`).join('; ');
  // What a driver says is what helps here: the reader is who configured it.
  const { cause } = error;
  const isStore = error instanceof AuthError && error.code === 'STORE_UNAVAILABLE';
  const text = isStore ? 'the store cannot be used' : error.message;
  return cause instanceof Error && cause.message !== '' ? `${text}: ${cause.message}` : text;
}

/** `#/new_password` is what a request calls it. */
function memberOf(pointer: string): string {
  return pointer.replace(/^#\/(?:new_)?/, '');
}

process.exitCode = await main(process.argv.slice(2));
