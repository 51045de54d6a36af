import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { type Bench, createBenchContext } from './bench.js';
import { apiKeys } from './benches/api-keys.js';
import { burst } from './benches/burst.js';
import { cold } from './benches/cold.js';
import { control } from './benches/control.js';
import { first } from './benches/first.js';
import { guards } from './benches/guards.js';
import { headers } from './benches/headers.js';
import { hostile } from './benches/hostile.js';
import { importTime } from './benches/import-time.js';
import { keys } from './benches/keys.js';
import { logIn } from './benches/log-in.js';
import { memory } from './benches/memory.js';
import { refresh } from './benches/refresh.js';
import { revocationBurst } from './benches/revocation-burst.js';
import { stack } from './benches/stack.js';
import { statements } from './benches/statements.js';
import { storeOutage } from './benches/store-outage.js';
import { stores } from './benches/stores.js';
import { sweep } from './benches/sweep.js';
import { warm } from './benches/warm.js';
import { judge, tableHead, tableLine } from './findings.js';

// Every figure of the README and of our promises, measured side by side in one run. Node 24 is the reference; Express is
// several times slower on Node 20 and 22, where every guard looks cheaper as a share.
//   npm run bench                      all of it
//   npm run bench -- guards burst      some of it
//   npm run bench -- --pairs 12 guards a quick look, which judges nothing
//   npm run bench -- --sessions 20000 stores
//                                      stores of that size instead of a million sessions
// Exit code 0: nothing failed; missed goals may be reported. 1: a counter is wrong, or another figure misses its goal by far.
// 2: the machine is too noisy to judge.

const benches = {
  guards,
  warm,
  'api-keys': apiKeys,
  cold,
  burst,
  memory,
  hostile,
  keys,
  first,
  headers,
  stack,
  import: importTime,
  refresh,
  'log-in': logIn,
  stores,
  statements,
  'store-outage': storeOutage,
  'revocation-burst': revocationBurst,
  sweep,
} satisfies Record<string, Bench>;

/** Fewer pairs than this say nothing. */
const ENOUGH_PAIRS = 50;
/** What our promises about stores are about. */
const MANY_SESSIONS = 1_000_000;

const { values, positionals } = parseArgs({
  options: {
    pairs: { type: 'string', default: String(ENOUGH_PAIRS) },
    sessions: { type: 'string', default: String(MANY_SESSIONS) },
  },
  allowPositionals: true,
});
const pairs = Number(values.pairs);
const sessions = Number(values.sessions);
const chosen = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = chosen.filter((name) => !Object.hasOwn(benches, name));
const areCounts = Number.isInteger(pairs) && pairs > 0 && Number.isInteger(sessions / 20_000);
if (unknown.length > 0 || !areCounts) {
  console.error(
    `Usage: run.ts [--pairs ${ENOUGH_PAIRS}] [--sessions <a multiple of 20000>] [${Object.keys(benches).join(' | ')}] …`,
  );
  process.exit(64);
}

let isControlled = pairs >= ENOUGH_PAIRS;
let hasFailed = false;
const context = createBenchContext(
  (finding) => {
    hasFailed ||= judge(finding, isControlled) === 'FAILED';
    console.log(tableLine(finding, isControlled));
  },
  { pairs, sessions },
);

console.log(
  `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${release()}`,
);
console.log(`${pairs} pairs of 120 ms slices a comparison; medians\n\n${tableHead}`);
const isQuiet = await control(context);
isControlled &&= isQuiet;
for (const [name, bench] of Object.entries(benches)) {
  if (chosen.includes(name)) await bench(context);
}

if (!isQuiet) {
  console.log(
    '\nTwo equal routes differed by more than 3 %: this machine is too noisy at the moment, and what it timed was not judged.',
  );
}
if (pairs < ENOUGH_PAIRS)
  console.log(`\nFewer than ${ENOUGH_PAIRS} pairs: what was timed was not judged.`);
if (hasFailed) process.exitCode = 1;
else if (!isQuiet) process.exitCode = 2;
