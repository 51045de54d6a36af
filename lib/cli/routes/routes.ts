import { auditRoutes } from '../../audit/route-table.js';
import { parseAllowance } from './allowances.js';
import { parseArguments } from '../arguments.js';
import { loadApp } from '../app/load.js';
import { routeLines } from './lines.js';
import { reportRoutes } from './report.js';
import type { Terminal } from '../terminal.js';
import type { Topic } from '../topic.js';
import { UsageError } from '../usage-error.js';
import { visible } from '../output/visible-text.js';

const options = {
  json: { type: 'boolean' },
  'fail-unguarded': { type: 'boolean' },
  allow: { type: 'string', multiple: true },
} as const;

/** `latchkey routes …`. */
export const routes: Topic = {
  run,
  usage: '<file> [--json] [--fail-unguarded]',
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

/** Runs `latchkey routes <file>`. Returns 1 where `--fail-unguarded` forbids what was found, else 0. */
async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArguments(args, options);
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0)
    throw new UsageError('routes takes one file: the module that starts the application');
  const allowances = (values.allow ?? []).map(parseAllowance);
  const loaded = await loadApp(file, terminal);
  try {
    const report = reportRoutes(loaded.apps.map(auditRoutes), allowances);
    if (values.json) terminal.print(`${visible(JSON.stringify(report))}\n`);
    else for (const line of routeLines(report, terminal)) terminal.print(`${line}\n`);
    for (const each of report.staleAllows)
      terminal.complain(
        `latchkey: --allow ${visible(each)} is not needed: no route without a guard is there\n`,
      );
    // A list without routes proves nothing.
    const isFine = report.findings.length === 0 && report.routes.length > 0;
    return values['fail-unguarded'] && !isFine ? 1 : 0;
  } finally {
    await loaded.close();
  }
}
