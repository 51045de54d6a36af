import type { Topic } from '../topic.js';

/** `latchkey doctor …`. */
export const doctor: Topic = {
  async run(args, terminal) {
    // Loaded here: the checks would be a fifth of the start of every other command.
    const { diagnose } = await import('./diagnose.js');
    return diagnose(args, terminal);
  },
  usage: '[<file>] [--live] [--json] [--strict]',
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
