import { isIP } from 'node:net';
import { allChecks } from '../../doctor/all-checks.js';
import type { ForwardedSample } from '../../doctor/check.js';
import { examine, isFlaw } from '../../doctor/examine.js';
import type { Finding } from '../../doctor/finding.js';
import { reportOf, reportSchema } from '../../doctor/report.js';
import { parseArguments } from '../arguments.js';
import { linesOf } from './lines.js';
import { liveFindings, type LiveGiven, refuseStrayLive } from './live.js';
import { inspectApplication, inspectEnvironment } from './inspect.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage-error.js';
import { visible } from '../output/visible-text.js';

const options = {
  json: { type: 'boolean' },
  'json-schema': { type: 'boolean' },
  strict: { type: 'boolean' },
  'forwarded-for': { type: 'string' },
  remote: { type: 'string' },
  live: { type: 'boolean' },
  router: { type: 'string' },
  'mail-to': { type: 'string' },
} as const;

/** Runs `latchkey doctor`. Resolves with 0 when nothing fails, and with `--strict` nothing is warned of either. */
export async function diagnose(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArguments(args, options);
  const { print } = terminal;
  if (values['json-schema']) {
    print(`${JSON.stringify(reportSchema(), undefined, 2)}\n`);
    return 0;
  }
  const [file, ...more] = positionals;
  if (more.length > 0)
    throw new UsageError('doctor takes one file: the module that starts the application');
  const forwarded = readSample(values['forwarded-for'], values.remote);
  if (forwarded && file === undefined)
    throw new UsageError('--forwarded-for needs the file that starts the application');
  refuseStrayLive(values);
  const findings = await findingsOf({ ...values, file, forwarded }, terminal);
  if (values.json) print(`${visible(JSON.stringify(reportOf(findings)))}\n`);
  else for (const line of linesOf(findings, terminal)) print(`${line}\n`);
  const flaws = findings.filter(isFlaw);
  return flaws.some(({ outcome }) => values.strict || outcome === 'fail') ? 1 : 0;
}

function readSample(
  header: string | undefined,
  remote: string | undefined,
): ForwardedSample | undefined {
  if (header === undefined && remote === undefined) return undefined;
  if (header === undefined || remote === undefined)
    throw new UsageError(
      '--forwarded-for is the header that the application got, and --remote the address that its connection came from: give both',
    );
  // A proxy may write `unknown` into the header. A connection has an address.
  if (isIP(remote) === 0)
    throw new UsageError('--remote is an IP address without a port, such as 10.0.0.2');
  return { header, remote };
}

interface Given extends LiveGiven {
  readonly file: string | undefined;
  readonly forwarded: ForwardedSample | undefined;
}

async function findingsOf(
  { file, forwarded, ...live }: Given,
  terminal: Terminal,
): Promise<readonly Finding[]> {
  if (file === undefined) {
    const inspected = inspectEnvironment(terminal);
    const found = examine(allChecks, inspected);
    return [...found, ...(await liveFindings([inspected], live, terminal))];
  }
  const application = await inspectApplication({ file, forwarded }, terminal);
  try {
    const found = application.inspected.flatMap((each) => examine(allChecks, each));
    const names = allChecks.map(({ name }) => name);
    const sorted = found.toSorted(
      (one, other) => names.indexOf(one.check) - names.indexOf(other.check),
    );
    const asked = await liveFindings(application.inspected, live, terminal);
    // Several createAuth() of one application have much in common.
    const unique = new Map([...sorted, ...asked].map((each) => [JSON.stringify(each), each]));
    return [...unique.values()];
  } finally {
    await application.close();
  }
}
