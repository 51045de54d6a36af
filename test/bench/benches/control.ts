import type { BenchContext } from '../bench.js';
import { compare } from '../comparison.js';
import { createTraffic } from '../traffic.js';
import { trustIn } from '../trust.js';

/** How far two equal routes may seem to differ before nothing else in the run can be believed. */
const TOLERANCE = 0.03;

/** No guard against no guard. Answers whether the machine is quiet enough to judge by. */
export async function control({ report, pairs, issued }: BenchContext): Promise<boolean> {
  const { signer, tokens } = await issued('RS256');
  const route = { stack: 'bare', trust: trustIn(signer) } as const;
  const { share, cpuAddedUs, cpuOffUs, busy, requestsPerSecondOff } = await compare({
    scenario: { off: route, on: route },
    off: createTraffic({ path: '/off', tokens }),
    on: createTraffic({ path: '/on', tokens }),
    pairs,
  });
  report({
    what: 'control: no auth against no auth, share of throughput',
    value: share.median,
    spread: share,
    note: `${Math.round(requestsPerSecondOff)} requests a second at ${cpuOffUs.toFixed(1)} µs each; server busy ${(busy * 100).toFixed(0)} %`,
  });
  report({
    what: 'control: CPU added per request',
    value: cpuAddedUs.median,
    unit: 'µs',
    spread: cpuAddedUs,
  });
  return Math.abs(share.median - 1) <= TOLERANCE;
}
