import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from '../bench.js';
import { createLoad } from '../load.js';
import { startServer } from '../server-process.js';
import type { StackName } from '../stacks.js';
import { abba, quartiles } from '../statistics.js';
import { createTraffic } from '../traffic.js';
import { trustIn } from '../trust.js';

const PAIRS = 15;

/** Lets a fresh process finish what it does after it has begun to listen. */
const SETTLE_MS = 100;

/** The first request that a fresh process answers, after `ready()`, against a fresh process without auth. */
export async function first(context: BenchContext): Promise<void> {
  // The load generator's own first request is nobody's business.
  await firstRequestMs(context, 'bare');
  const ratios: number[] = [];
  for (let index = 0; index < PAIRS; index += 1) {
    const times = new Map<StackName, number>();
    for (const name of abba<StackName>(index, ['bare', 'latchkey'])) {
      times.set(name, await firstRequestMs(context, name));
    }
    ratios.push((times.get('latchkey') ?? Number.NaN) / (times.get('bare') ?? Number.NaN));
  }
  const ratio = quartiles(ratios);
  context.report({
    what: 'first request after ready(), against the first without auth',
    value: ratio.median,
    unit: 'x',
    spread: ratio,
    goal: { atMost: 1.5 },
  });
}

async function firstRequestMs({ issued }: BenchContext, stack: StackName): Promise<number> {
  const { signer, tokens } = await issued('RS256');
  const route = { stack, trust: trustIn(signer) };
  const server = await startServer({ off: route, on: route });
  const load = await createLoad(server.port, 1);
  const traffic = createTraffic({ path: '/on', tokens: tokens.slice(0, 1) });
  await sleep(SETTLE_MS);
  const { latencies } = await load.run(traffic, 0);
  load.close();
  await server.close();
  return latencies[0] ?? Number.NaN;
}
