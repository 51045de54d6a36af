import { auditRoutes } from '../../audit/route-table.js';
import { parseAllowance } from './allowances.js';
import { parseArguments } from '../arguments.js';
import { loadApp } from '../app/load.js';
import { routeLines } from './lines.js';
import { reportRoutes } from './report.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage-error.js';
import { visible } from '../output/visible-text.js';

const options = {
  json: { type: 'boolean' },
  'fail-unguarded': { type: 'boolean' },
  allow: { type: 'string', multiple: true },
} as const;

/** Runs `latchkey routes <file>`. Returns 1 where `--fail-unguarded` forbids what was found, else 0. */
export async function routes(args: readonly string[], terminal: Terminal): Promise<number> {
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
