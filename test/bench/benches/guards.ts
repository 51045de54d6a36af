import type { BenchContext } from '../bench.js';
import { compare } from '../comparison.js';
import type { Goal } from '../findings.js';
import type { StackName } from '../stacks.js';
import { createTraffic } from '../traffic.js';
import { trustIn } from '../trust.js';

const guardNames = [
  'latchkey',
  'fast-jwt with cache',
  'express-jwt (KeyObject)',
  'express-oauth2-jwt-bearer',
  'jose by hand',
] as const satisfies readonly StackName[];

/**
 * What a guard takes from a server, against no guard at all. Ours has every check on, `requireScopes` and a
 * revocation lookup behind it; the others only verify the token.
 */
export async function guards(context: BenchContext): Promise<void> {
  for (const algorithm of ['RS256', 'HS256'] as const) {
    for (const name of guardNames) {
      await compareGuard(context, algorithm, name);
    }
    await compareOwnTokens(context, algorithm);
  }
}

/** Each connection sends one token again and again, as a browser or a service does. */
async function compareOwnTokens(
  { report, pairs, issued }: BenchContext,
  algorithm: 'RS256' | 'HS256',
): Promise<void> {
  const { signer, tokens } = await issued(algorithm);
  const trust = trustIn(signer);
  const { share, goodRefused } = await compare({
    scenario: { off: { stack: 'bare', trust }, on: { stack: 'latchkey', trust } },
    off: createTraffic({ path: '/off', tokens, sticky: true }),
    on: createTraffic({ path: '/on', tokens, sticky: true }),
    pairs,
  });
  if (goodRefused > 0) throw new Error(`latchkey refused ${goodRefused} good tokens`);
  report({
    what: `${algorithm} latchkey, a token for each connection: share of no-auth throughput`,
    value: share.median,
    spread: share,
    goal: { atLeast: 0.95 },
  });
}

async function compareGuard(
  { report, pairs, issued }: BenchContext,
  algorithm: 'RS256' | 'HS256',
  name: StackName,
): Promise<void> {
  const { signer, tokens } = await issued(algorithm);
  const trust = trustIn(signer);
  const { share, cpuAddedUs, goodRefused } = await compare({
    scenario: { off: { stack: 'bare', trust }, on: { stack: name, trust } },
    off: createTraffic({ path: '/off', tokens }),
    on: createTraffic({ path: '/on', tokens }),
    pairs,
  });
  if (goodRefused > 0) throw new Error(`${name} refused ${goodRefused} good tokens`);
  const isOurs = name === 'latchkey';
  const goal = (value: Goal) => isOurs && { goal: value };
  report({
    what: `${algorithm} ${name}: share of no-auth throughput`,
    value: share.median,
    spread: share,
    ...goal({ atLeast: 0.9 }),
  });
  report({
    what: `${algorithm} ${name}: CPU added per request`,
    value: cpuAddedUs.median,
    unit: 'µs',
    spread: cpuAddedUs,
    ...(algorithm === 'RS256' && goal({ atMost: 6 })),
  });
}
