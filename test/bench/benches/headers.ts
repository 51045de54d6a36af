import type { BenchContext } from '../bench.js';
import { type Comparison, compare } from '../comparison.js';
import type { StackName } from '../stacks.js';
import { createTraffic } from '../traffic.js';
import { trustIn } from '../trust.js';

/** Security headers and CORS: ours, computed once, against `helmet()` and `cors()` one after the other. */
export async function headers(context: BenchContext): Promise<void> {
  const peer = await compareHeaders(context, 'helmet + cors');
  const web = await compareHeaders(context, 'securityHeaders (web)');
  const api = await compareHeaders(context, 'securityHeaders (api)');
  context.report({
    what: 'securityHeaders, full set, against helmet + cors: CPU',
    value: web.cpuAddedUs.median / peer.cpuAddedUs.median,
    unit: 'x',
    goal: { atMost: 0.6 },
  });
  context.report({
    what: 'securityHeaders, preset api: share of bare throughput',
    value: api.share.median,
    spread: api.share,
    goal: { atLeast: 0.9 },
  });
}

async function compareHeaders(
  { report, pairs, issued }: BenchContext,
  name: StackName,
): Promise<Comparison> {
  const { signer, tokens } = await issued('RS256');
  const trust = trustIn(signer);
  const comparison = await compare({
    scenario: { off: { stack: 'bare', trust }, on: { stack: name, trust } },
    off: createTraffic({ path: '/off', tokens }),
    on: createTraffic({ path: '/on', tokens }),
    pairs,
  });
  report({
    what: `${name}: CPU added per request`,
    value: comparison.cpuAddedUs.median,
    unit: 'µs',
    spread: comparison.cpuAddedUs,
    note: `share of bare throughput ${comparison.share.median.toFixed(2)}`,
  });
  return comparison;
}
