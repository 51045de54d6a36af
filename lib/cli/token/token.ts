import { type CommandShape, parseArguments, pickCommand } from '../arguments.js';
import type { Terminal } from '../terminal.js';
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

interface Command extends CommandShape {
  readonly run: (
    terminal: Terminal,
    given: ReturnType<typeof parse>['values'],
    argument: string,
  ) => Promise<number>;
}

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    'explain',
    {
      run: explain,
      takes: 'one token, or - to read it from standard input',
      flags: ['issuer', 'audience', 'jwks', 'offline', 'json'],
    },
  ],
  ['mint', { run: mintToken, flags: ['sub', 'scope', 'role', 'claim', 'ttl'] }],
]);

/** Runs `latchkey token …`. */
export async function token(args: readonly string[], terminal: Terminal): Promise<number> {
  const given = parse(args);
  const { command, argument } = pickCommand('token', commands, given);
  return command.run(terminal, given.values, argument);
}

function parse(args: readonly string[]) {
  return parseArguments(args, options);
}
