import { type CommandShape, type GivenOf, readCommand } from '../arguments.js';
import type { Terminal } from '../terminal.js';
import type { CommandHelp, Topic } from '../topic.js';
import { explain } from './explain.js';
import { mintToken } from './mint.js';

const options = {
  sub: { type: 'string' },
  scope: { type: 'string', multiple: true },
  role: { type: 'string', multiple: true },
  claim: { type: 'string', multiple: true },
  ttl: { type: 'string' },
  issuer: { type: 'string' },
  audience: { type: 'string' },
  jwks: { type: 'string' },
  offline: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

interface Command extends CommandShape, CommandHelp {
  readonly run: (
    terminal: Terminal,
    given: GivenOf<typeof options>,
    argument: string,
  ) => Promise<number>;
}

const commands: Readonly<Record<string, Command>> = {
  explain: {
    run: explain,
    argument: 'one token, or - to read it from standard input',
    flags: ['issuer', 'audience', 'jwks', 'offline', 'json'],
    takes:
      '<token>|- [--issuer <url> [--jwks <file>] [--audience <audience>]] [--offline] [--json]',
    says: 'Tells what each check of the verifier says of a token, the first that would refuse it, and what to change.',
    example: 'npx latchkey token explain - < token.txt',
  },
  mint: {
    run: mintToken,
    flags: ['sub', 'scope', 'role', 'claim', 'ttl'],
    takes:
      '--sub <subject> [--scope <scope>]… [--role <role>]… [--claim <name>=<value>]… [--ttl <time>]',
    says: "Prints an access token signed with the application's own key, for development; not in production.",
    example: 'TOKEN=$(npx latchkey token mint --sub alice --scope invoices:read --ttl 15m)',
  },
};

/** `latchkey token …`. */
export const token: Topic = {
  usage: '<command>',
  commands,
  notes: `A claim's value is JSON, such as true or ["a","b"], or else text. <time> is 15m, 8h, …; else AUTH_ACCESS_TTL.
The AUTH_… variables are those of the application. explain sends the token nowhere; it fetches the issuer's keys, unless --offline or --jwks is given. With - the token is read from standard input and stays out of the history of the shell.
Exit codes of explain: 0 accepted, 1 not accepted, 2 wrong usage.`,
  async run(args, terminal) {
    const { command, given, argument } = readCommand('token', { options, commands }, args);
    return command.run(terminal, given, argument);
  },
};
