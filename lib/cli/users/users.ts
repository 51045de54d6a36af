import { type CommandShape, readCommand } from '../arguments.js';
import { STORE_NOTE, withStore } from '../opened-store.js';
import type { CommandHelp, Topic } from '../topic.js';
import { endAllSessions, listIdentities, listSessions, removeIdentity } from './access.js';
import { add, invite } from './add.js';
import { changeRoles, disable, enable, reset } from './change.js';
import { type Directory, openDirectory } from './directory.js';
import { list } from './list.js';
import { type Given, options } from './options.js';

interface Command extends CommandShape, CommandHelp {
  readonly run: (directory: Directory, given: Given, login: string) => Promise<void>;
  /** Whether it may add the first user of a new database. */
  readonly mayBegin?: true;
}

const argument = 'one login: a user name, e-mail address or id';

const commands: Readonly<Record<string, Command>> = {
  add: {
    run: add,
    mayBegin: true,
    flags: ['store', 'username', 'email', 'role', 'group', 'org', 'must-reset', 'password-stdin'],
    takes:
      '[--username <name>] [--email <address>] [--role <role>]… [--group <group>]… [--org <id>[:<role>,<role>…]]… [--must-reset] [--password-stdin]',
    says: 'Adds a user with a random password, printed once, or with one read from standard input.',
    example: 'npx latchkey users add --username alice --role admin --store file:./auth.db',
  },
  list: {
    run: list,
    flags: ['store', 'json'],
    takes: '[--json]',
    says: 'Lists all users, as a table or as one JSON object a line.',
    example: 'npx latchkey users list --json',
  },
  roles: {
    run: changeRoles,
    argument,
    flags: ['store', 'add', 'remove'],
    takes: '<login> [--add <role>]… [--remove <role>]…',
    says: "Shows the user's roles, after adding and removing some.",
    example: 'npx latchkey users roles alice --add auditor --remove analyst',
  },
  disable: {
    run: disable,
    argument,
    flags: ['store'],
    takes: '<login>',
    says: "Keeps the user from signing in, and ends the user's sessions.",
    example: 'npx latchkey users disable alice',
  },
  enable: {
    run: enable,
    argument,
    flags: ['store'],
    takes: '<login>',
    says: 'Lets a disabled user sign in again.',
    example: 'npx latchkey users enable alice',
  },
  reset: {
    run: reset,
    argument,
    flags: ['store'],
    takes: '<login>',
    says: "Sets a temporary password, printed once, removes other ways to sign in, and ends the user's sessions.",
    example: 'npx latchkey users reset alice@example.com',
  },
  invite: {
    run: invite,
    mayBegin: true,
    flags: ['store', 'email', 'role', 'group', 'org'],
    takes: '--email <address> [--role <role>]… [--group <group>]… [--org …]…',
    says: 'Adds a user without a password, who signs in with a provider that proves the address.',
    example: 'npx latchkey users invite --email ada@example.com --role analyst',
  },
  sessions: {
    run: listSessions,
    argument,
    flags: ['store'],
    takes: '<login>',
    says: "Lists the user's sessions.",
    example: 'npx latchkey users sessions alice',
  },
  'end-sessions': {
    run: endAllSessions,
    argument,
    flags: ['store'],
    takes: '<login>',
    says: "Ends all of the user's sessions.",
    example: 'npx latchkey users end-sessions alice',
  },
  identities: {
    run: listIdentities,
    argument,
    flags: ['store'],
    takes: '<login>',
    says: 'Lists what the user can sign in with.',
    example: 'npx latchkey users identities alice',
  },
  unlink: {
    run: removeIdentity,
    argument,
    flags: ['store', 'provider'],
    takes: '<login> --provider <name>',
    says: "Removes a provider and ends the user's sessions.",
    example: 'npx latchkey users unlink alice --provider github',
  },
};

/** `latchkey users …`. Needs the store's URL and no other setting. */
export const users: Topic = {
  usage: '<command> [--store <url>]',
  commands,
  notes: `<login> is a user name or an e-mail address.\n${STORE_NOTE}`,
  async run(args, terminal) {
    const { command, given, argument: login } = readCommand('users', { options, commands }, args);
    const { mayBegin = false } = command;
    await withStore({ given: given.store, mayBegin }, terminal, (opened) =>
      command.run(openDirectory(opened), given, login),
    );
  },
};
