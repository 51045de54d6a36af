import type { BenchContext } from '../bench.js';
import { compare } from '../comparison.js';
import type { StackName } from '../stacks.js';
import { createTraffic } from '../traffic.js';
import { trustIn } from '../trust.js';

/** Everything an API wants before its handlers, against nothing and against what people install today. */
export async function stack(context: BenchContext): Promise<void> {
  await compareStacks(context, { rival: 'bare', goal: 0.75, unit: '' });
  await compareStacks(context, {
    rival: 'helmet + cors + express-oauth2-jwt-bearer',
    goal: 2,
    unit: 'x',
  });
}

interface Rivalry {
  readonly rival: StackName;
  readonly goal: number;
  readonly unit: '' | 'x';
}

async function compareStacks(
  { report, pairs, issued }: BenchContext,
  { rival, goal, unit }: Rivalry,
): Promise<void> {
  const { signer, tokens } = await issued('RS256');
  const trust = trustIn(signer);
  const { share, goodRefused } = await compare({
    scenario: {
      off: { stack: rival, trust },
      on: { stack: 'securityHeaders + requireAuth + requireScopes + orgContext', trust },
    },
    off: createTraffic({ path: '/off', tokens }),
    on: createTraffic({ path: '/on', tokens }),
    pairs,
  });
  if (goodRefused > 0) throw new Error(`${goodRefused} good tokens were refused`);
  report({
    what: `headers, auth, scopes and org, against ${rival === 'bare' ? 'bare Express' : rival}`,
    value: share.median,
    unit,
    spread: share,
    goal: { atLeast: goal },
  });
}
