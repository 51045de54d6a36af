import { type CommandShape, readCommand } from '../arguments.js';
import { STORE_NOTE, withStore } from '../opened-store.js';
import type { CommandHelp, Topic } from '../topic.js';
import * as manage from './manage.js';

interface Command extends CommandShape, CommandHelp {
  readonly run: (accounts: manage.Accounts, given: manage.Given, id: string) => Promise<void>;
  /** Whether it may add the first account of a new database. */
  readonly mayBegin?: true;
}

const argument = 'one client id';

const commands: Readonly<Record<string, Command>> = {
  add: {
    run: manage.add,
    mayBegin: true,
    flags: ['store', 'org', 'name', 'scope', 'role', 'days'],
    takes: '--org <id> --name <name> [--scope <scope>]… [--role <role>]… [--days <number>]',
    says: 'Adds a service account with a secret, printed once, that works for so many days, or without end.',
    example:
      "npx latchkey service-accounts add --org acme --name 'Nightly export' --scope invoices:read",
  },
  list: {
    run: manage.list,
    flags: ['store', 'org', 'json'],
    takes: '[--org <id>] [--json]',
    says: 'Lists the service accounts of all organisations, or of one.',
    example: 'npx latchkey service-accounts list --org acme',
  },
  secret: {
    run: manage.changeSecret,
    argument,
    flags: ['store', 'days', 'end'],
    takes: '<client id> [--days <number>] | <client id> --end <secret id>',
    says: 'Adds a second secret, printed once: both work until one is ended. --end ends one.',
    example: 'npx latchkey service-accounts secret sa_4eC39HqLyjWDarjtT1zdp7 --days 365',
  },
  secrets: {
    run: manage.listSecrets,
    argument,
    flags: ['store'],
    takes: '<client id>',
    says: 'Lists the live secrets, and when each was last used.',
    example: 'npx latchkey service-accounts secrets sa_4eC39HqLyjWDarjtT1zdp7',
  },
  disable: {
    run: manage.disable,
    argument,
    flags: ['store'],
    takes: '<client id>',
    says: 'Keeps the account from getting tokens.',
    example: 'npx latchkey service-accounts disable sa_4eC39HqLyjWDarjtT1zdp7',
  },
  enable: {
    run: manage.enable,
    argument,
    flags: ['store'],
    takes: '<client id>',
    says: 'Lets a disabled account get tokens again.',
    example: 'npx latchkey service-accounts enable sa_4eC39HqLyjWDarjtT1zdp7',
  },
  remove: {
    run: manage.remove,
    argument,
    flags: ['store'],
    takes: '<client id>',
    says: 'Removes the account and its secrets for good.',
    example: 'npx latchkey service-accounts remove sa_4eC39HqLyjWDarjtT1zdp7',
  },
};

/** `latchkey service-accounts …`. Needs the store's URL and no other setting. */
export const serviceAccounts: Topic = {
  usage: '<command> [--store <url>]',
  commands,
  notes: STORE_NOTE,
  async run(args, terminal) {
    const { options } = manage;
    const read = readCommand('service-accounts', { options, commands }, args);
    const { command, given, argument: id } = read;
    const { mayBegin = false } = command;
    await withStore({ given: given.store, mayBegin }, terminal, (opened) =>
      command.run(manage.openAccounts(opened), given, id),
    );
  },
};
