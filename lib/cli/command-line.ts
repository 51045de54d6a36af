import { AuthError } from '../errors.js';
import { StoreFailure } from '../stores/failures/store-failure.js';
import { serviceAccounts } from './service-accounts.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';
import { users } from './users.js';
import { visible } from './visible-text.js';

const HELP = `Usage: npx latchkey users <command> [--store <url>]
       npx latchkey service-accounts <command> [--store <url>]

  users add [--username <name>] [--email <address>] [--role <role>]… [--group <group>]…
            [--org <id>[:<role>,<role>…]]… [--must-reset] [--password-stdin]
      Adds a user with a random password, printed once, or with one read from standard input.
  users list [--json]
      Lists all users, as a table or as one JSON object a line.
  users roles <login> [--add <role>]… [--remove <role>]…
      Shows the user's roles, after adding and removing some.
  users disable <login>
      Keeps the user from signing in, and ends the user's sessions.
  users enable <login>
      Lets a disabled user sign in again.
  users reset <login>
      Sets a temporary password, printed once, removes other ways to sign in, and ends the user's sessions.
  users invite --email <address> [--role <role>]… [--group <group>]… [--org …]…
      Adds a user without a password, who signs in with a provider that proves the address.
  users sessions <login>, users end-sessions <login>
      Lists the user's sessions, or ends them all.
  users identities <login>, users unlink <login> --provider <name>
      Lists what the user can sign in with, or removes a provider and ends the user's sessions.

  service-accounts add --org <id> --name <name> [--scope <scope>]… [--role <role>]… [--days <number>]
      Adds a service account with a secret, printed once, that works for so many days, or without end.
  service-accounts list [--org <id>] [--json]
      Lists the service accounts of all organisations, or of one.
  service-accounts secret <client id> [--days <number>]
      Adds a second secret, printed once: both work until one is ended.
  service-accounts secret <client id> --end <secret id>
      Ends a secret.
  service-accounts secrets <client id>
      Lists the live secrets, and when each was last used.
  service-accounts disable <client id>, service-accounts enable <client id>
      Keeps the account from getting tokens, or lets it again.
  service-accounts remove <client id>
      Removes the account and its secrets for good.

Examples:
  npx latchkey users add --username alice --role admin --store file:./auth.db
  npx latchkey service-accounts add --org acme --name 'Nightly export' --scope invoices:read

<login> is a user name or an e-mail address. <url> is file:./auth.db, postgres://… or redis://…;
without --store it is AUTH_STORE_URL. Exit codes: 0 done, 1 failed, 2 wrong usage.
`;

const topics: ReadonlyMap<string, (args: readonly string[], terminal: Terminal) => Promise<void>> =
  new Map([
    ['users', users],
    ['service-accounts', serviceAccounts],
  ]);

/** Runs a command. Returns the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function runCommandLine(
  [topic, ...args]: readonly string[],
  terminal: Terminal,
): Promise<number> {
  if (topic === undefined || topic === 'help' || topic === '--help') {
    terminal.print(HELP);
    return topic === undefined ? 2 : 0;
  }
  try {
    const run = topics.get(topic);
    if (!run)
      throw new UsageError(
        `there is no command ${JSON.stringify(topic)}; it begins with ${[...topics.keys()].join(' or ')}`,
      );
    await run(args, terminal);
    return 0;
  } catch (error) {
    return explain(error, terminal);
  }
}

function explain(error: unknown, { complain }: Terminal): number {
  if (error instanceof UsageError) {
    complain(`latchkey: ${visible(error.message)}\n\n${HELP}`);
    return 2;
  }
  complain(`latchkey: ${visible(sentenceOf(error))}\n`);
  return 1;
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const fields = error instanceof AuthError ? (error.problem.errors ?? []) : [];
  if (fields.length > 0)
    return fields.map(({ pointer, detail }) => `${memberOf(pointer)} ${detail}`).join('; ');
  const { cause } = error;
  const text = cause instanceof Error && cause.message !== '' ? wordsOf(cause) : undefined;
  const isStore = error instanceof AuthError && error.code === 'STORE_UNAVAILABLE';
  if (isStore) return `the store cannot be used: ${text ?? 'it failed'}`;
  return text === undefined ? error.message : `${error.message}: ${text}`;
}

/** Why a store failed, and the driver's own words where that has none: the reader has configured the store. */
function wordsOf(error: Error): string {
  const { message, cause } = error;
  const isUnknown = error instanceof StoreFailure && error.reason === 'error';
  return isUnknown && cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/** `password` for `#/new_password`, the member of a request body. */
function memberOf(pointer: string): string {
  return pointer.replace(/^#\/(?:new_)?/, '');
}
