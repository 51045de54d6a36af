import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BenchContext } from '../bench.js';
import { abba, quartiles } from '../statistics.js';

const PAIRS = 15;
const OURS = ['latchkey'];
const PEERS = ['express', 'jose'];

/** Loading the package in a fresh process, against Express and jose. */
export async function importTime({ report }: BenchContext): Promise<void> {
  // Into the file cache with both, before anything is timed.
  await loadingMs(OURS);
  await loadingMs(PEERS);
  const ratios: number[] = [];
  for (let index = 0; index < PAIRS; index += 1) {
    const times = new Map<readonly string[], number>();
    for (const packages of abba(index, [OURS, PEERS])) {
      times.set(packages, await loadingMs(packages));
    }
    ratios.push((times.get(OURS) ?? Number.NaN) / (times.get(PEERS) ?? Number.NaN));
  }
  const ratio = quartiles(ratios);
  report({
    what: "import 'latchkey', against express and jose",
    value: ratio.median,
    unit: 'x',
    spread: ratio,
    goal: { atMost: 1.3 },
  });
}

const run = promisify(execFile);

/** Measured inside the process, which starts without the TypeScript loader this one runs under. */
async function loadingMs(packages: readonly string[]): Promise<number> {
  const script = `const startedAt = performance.now();
    for (const name of ${JSON.stringify(packages)}) await import(name);
    process.stdout.write(String(performance.now() - startedAt));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return Number(stdout);
}
