import { doctor } from './doctor/doctor.js';
import { keys } from './keys/keys.js';
import { routes } from './routes/routes.js';
import { serviceAccounts } from './service-accounts/service-accounts.js';
import { token } from './token/token.js';
import type { Topic } from './topic.js';
import { users } from './users/users.js';

const STORE = `<url> is file:./auth.db, postgres://… or redis://…; without --store it is AUTH_STORE_URL.`;

const usersTopic: Topic = {
  run: users,
  options: '<command> [--store <url>]',
  commands: {
    add: {
      takes:
        '[--username <name>] [--email <address>] [--role <role>]… [--group <group>]… [--org <id>[:<role>,<role>…]]… [--must-reset] [--password-stdin]',
      says: 'Adds a user with a random password, printed once, or with one read from standard input.',
      example: 'npx latchkey users add --username alice --role admin --store file:./auth.db',
    },
    list: {
      takes: '[--json]',
      says: 'Lists all users, as a table or as one JSON object a line.',
      example: 'npx latchkey users list --json',
    },
    roles: {
      takes: '<login> [--add <role>]… [--remove <role>]…',
      says: "Shows the user's roles, after adding and removing some.",
      example: 'npx latchkey users roles alice --add auditor --remove analyst',
    },
    disable: {
      takes: '<login>',
      says: "Keeps the user from signing in, and ends the user's sessions.",
      example: 'npx latchkey users disable alice',
    },
    enable: {
      takes: '<login>',
      says: 'Lets a disabled user sign in again.',
      example: 'npx latchkey users enable alice',
    },
    reset: {
      takes: '<login>',
      says: "Sets a temporary password, printed once, removes other ways to sign in, and ends the user's sessions.",
      example: 'npx latchkey users reset alice@example.com',
    },
    invite: {
      takes: '--email <address> [--role <role>]… [--group <group>]… [--org …]…',
      says: 'Adds a user without a password, who signs in with a provider that proves the address.',
      example: 'npx latchkey users invite --email ada@example.com --role analyst',
    },
    sessions: {
      takes: '<login>',
      says: "Lists the user's sessions.",
      example: 'npx latchkey users sessions alice',
    },
    'end-sessions': {
      takes: '<login>',
      says: "Ends all of the user's sessions.",
      example: 'npx latchkey users end-sessions alice',
    },
    identities: {
      takes: '<login>',
      says: 'Lists what the user can sign in with.',
      example: 'npx latchkey users identities alice',
    },
    unlink: {
      takes: '<login> --provider <name>',
      says: "Removes a provider and ends the user's sessions.",
      example: 'npx latchkey users unlink alice --provider github',
    },
  },
  notes: `<login> is a user name or an e-mail address.\n${STORE}`,
};

const serviceAccountsTopic: Topic = {
  run: serviceAccounts,
  options: '<command> [--store <url>]',
  commands: {
    add: {
      takes: '--org <id> --name <name> [--scope <scope>]… [--role <role>]… [--days <number>]',
      says: 'Adds a service account with a secret, printed once, that works for so many days, or without end.',
      example:
        "npx latchkey service-accounts add --org acme --name 'Nightly export' --scope invoices:read",
    },
    list: {
      takes: '[--org <id>] [--json]',
      says: 'Lists the service accounts of all organisations, or of one.',
      example: 'npx latchkey service-accounts list --org acme',
    },
    secret: {
      takes: '<client id> [--days <number>] | <client id> --end <secret id>',
      says: 'Adds a second secret, printed once: both work until one is ended. --end ends one.',
      example: 'npx latchkey service-accounts secret sa_4eC39HqLyjWDarjtT1zdp7 --days 365',
    },
    secrets: {
      takes: '<client id>',
      says: 'Lists the live secrets, and when each was last used.',
      example: 'npx latchkey service-accounts secrets sa_4eC39HqLyjWDarjtT1zdp7',
    },
    disable: {
      takes: '<client id>',
      says: 'Keeps the account from getting tokens.',
      example: 'npx latchkey service-accounts disable sa_4eC39HqLyjWDarjtT1zdp7',
    },
    enable: {
      takes: '<client id>',
      says: 'Lets a disabled account get tokens again.',
      example: 'npx latchkey service-accounts enable sa_4eC39HqLyjWDarjtT1zdp7',
    },
    remove: {
      takes: '<client id>',
      says: 'Removes the account and its secrets for good.',
      example: 'npx latchkey service-accounts remove sa_4eC39HqLyjWDarjtT1zdp7',
    },
  },
  notes: STORE,
};

const keysTopic: Topic = {
  run: keys,
  options: '<command>',
  commands: {
    generate: {
      takes: '[--alg <algorithm>] [--out <folder>] [--json]',
      says: 'Makes a private key or a secret that signs tokens, and tells which variables to set.',
      example: 'npx latchkey keys generate --alg ES256 --out secrets',
    },
    rotate: {
      takes: '[--secret] [--out <folder>]',
      says: 'Makes the next signing key, or the next AUTH_SECRET, and tells how to replace the present one. Changes no setting.',
      example: 'npx latchkey keys rotate --out secrets/next',
    },
  },
  notes: `<algorithm> is ES256 (default), ES384, ES512, RS256, PS256, EdDSA, HS256, …
Keys go to files in <folder>, which only their owner can read; nothing is overwritten. Without --out they are printed, the key on standard output and the rest on standard error.`,
};

const tokenTopic: Topic = {
  run: token,
  options: '<command>',
  commands: {
    explain: {
      takes:
        '<token>|- [--issuer <url> [--jwks <file>] [--audience <audience>]] [--offline] [--json]',
      says: 'Tells what each check of the verifier says of a token, the first that would refuse it, and what to change.',
      example: 'npx latchkey token explain - < token.txt',
    },
    mint: {
      takes:
        '--sub <subject> [--scope <scope>]… [--role <role>]… [--claim <name>=<value>]… [--ttl <time>]',
      says: "Prints an access token signed with the application's own key, for development; not in production.",
      example: 'TOKEN=$(npx latchkey token mint --sub alice --scope invoices:read --ttl 15m)',
    },
  },
  notes: `A claim's value is JSON, such as true or ["a","b"], or else text. <time> is 15m, 8h, …; else AUTH_ACCESS_TTL.
The AUTH_… variables are those of the application. explain sends the token nowhere; it fetches the issuer's keys, unless --offline or --jwks is given. With - the token is read from standard input and stays out of the history of the shell.
Exit codes of explain: 0 accepted, 1 not accepted, 2 wrong usage.`,
};

const doctorTopic: Topic = {
  run: doctor,
  options: '[<file>] [--json] [--strict]',
  commands: {
    'app.js': {
      takes:
        '[--strict] [--json | --json-schema] [--forwarded-for <header> --remote <address>] [--live [--router <path>] [--mail-to <address>]]',
      says: 'Checks settings, keys, routes and surroundings before production: what is wrong, why it matters, how to fix it.',
      example: 'NODE_ENV=production npx latchkey doctor app.js --strict',
    },
  },
  notes: `The file is the module that starts the application, or exports it. It is loaded and opens no port. Without a file, only the AUTH_… variables are looked at. AUTH_ACCEPTED_WARNINGS=<check>,… accepts warnings that are right for the application.
--live also asks providers, issuers, store and the application at AUTH_PUBLIC_URL; --mail-to sends a mail by its sendMail. Without a file, --router is where the router is, if not /api/auth.
<header> is an X-Forwarded-For that the application got, and <address> that of the connection: which is taken for the client?
Exit codes: 0 nothing fails (--strict: and nothing is warned of), 1 something does, 2 wrong usage, or it cannot be loaded.`,
};

const routesTopic: Topic = {
  run: routes,
  options: '<file>',
  commands: {
    'app.js': {
      takes: '[--json] [--fail-unguarded] [--allow <route>]…',
      says: 'Lists the routes of an Express or NestJS application with the guards before them, and what is wrong with them.',
      example:
        "npx latchkey routes app.js --fail-unguarded --allow /health --allow 'GET /public/*'",
    },
  },
  notes: `The file is the module that starts the application, or exports it. It is loaded and opens no port; what it prints goes to standard error. <route> is meant to have no guard: a path of the list, or all below one with /* at its end, with a method or without.
Exit codes: 0 done, 1 something is to be changed and --fail-unguarded is given, 2 wrong usage, or it cannot be loaded.`,
};

/** Every command, by its first word. */
export const topics: ReadonlyMap<string, Topic> = new Map([
  ['users', usersTopic],
  ['service-accounts', serviceAccountsTopic],
  ['keys', keysTopic],
  ['token', tokenTopic],
  ['doctor', doctorTopic],
  ['routes', routesTopic],
]);
