import path from 'node:path';
import { type Config, ConfigError, loadConfig, originsOf } from '../config/config.js';
import { allChecks } from '../doctor/all-checks.js';
import type { Inspected } from '../doctor/check.js';
import { examine, isFlaw } from '../doctor/examine.js';
import { reportOf, reportSchema } from '../doctor/report.js';
import { parseArguments } from './arguments.js';
import { linesOf } from './doctor-lines.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';
import { visible } from './visible-text.js';

const options = {
  json: { type: 'boolean' },
  'json-schema': { type: 'boolean' },
  strict: { type: 'boolean' },
} as const;

/** Runs `latchkey doctor`. Resolves with 0 when nothing fails, and with `--strict` nothing is warned of either. */
export async function doctor(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArguments(args, options);
  const { print } = terminal;
  if (values['json-schema']) {
    print(`${JSON.stringify(reportSchema(), undefined, 2)}\n`);
    return 0;
  }
  if (positionals.length > 0) throw new UsageError('doctor takes options only');
  const findings = examine(allChecks, inspectEnvironment(terminal));
  const report = reportOf(findings);
  if (values.json) print(`${visible(JSON.stringify(report))}\n`);
  else for (const line of linesOf(findings, terminal)) print(`${line}\n`);
  const counted = findings
    .filter(isFlaw)
    .filter(({ outcome }) => values.strict || outcome === 'fail');
  return counted.length > 0 ? 1 : 0;
}

/** What the variables say of an application. */
function inspectEnvironment({ env }: Terminal): Inspected {
  const surroundings = {
    env,
    today: { now: Date.now(), nodeVersion: process.versions.node },
    folder: path.resolve('.'),
  };
  try {
    const config = loadConfig({ env, onWarning: () => undefined });
    if (!hasIssuer(config))
      throw new UsageError('no issuer is configured: set the AUTH_… variables of the application');
    const settings = { config, origins: originsOf(config), hasOwnStore: false };
    return { ...surroundings, settings, problems: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { ...surroundings, settings: undefined, problems: error.problems };
  }
}

function hasIssuer({ jwt, trustedIssuers }: Config): boolean {
  const { secret, privateKey, jwksUrl, publicKey } = jwt;
  return [secret, privateKey, jwksUrl, publicKey, ...trustedIssuers].some(Boolean);
}
