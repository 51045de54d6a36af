import type { BenchContext } from '../bench.js';
import { createOurVerifier } from '../ours.js';
import type { BenchAlgorithm } from '../tokens.js';
import { trustIn } from '../trust.js';
import { compareCost, type Side } from '../verification-cost.js';

/**
 * Whether a remembered token costs the same whatever signed it. In process, because the 5 % in question are
 * a tenth of a microsecond, which no measurement over HTTP can tell. Each slice is one round of 10,000 tokens of equal length.
 */
export async function warm(context: BenchContext): Promise<void> {
  const baseline = await warmSide(context, 'RS256');
  const ratios = [1];
  for (const algorithm of ['HS256', 'ES256', 'EdDSA'] as const) {
    const subject = await warmSide(context, algorithm);
    const { pairs, report } = context;
    const cost = await compareCost({ subject, baseline, pairs, concurrency: 1 });
    ratios.push(cost.median);
    report({
      what: `warm verify, ${algorithm} against RS256: CPU`,
      value: cost.median,
      unit: 'x',
      spread: cost,
    });
  }
  context.report({
    what: 'warm verify, dearest against cheapest algorithm: CPU',
    value: Math.max(...ratios) / Math.min(...ratios),
    unit: 'x',
    goal: { atMost: 1.05 },
  });
}

async function warmSide({ issued }: BenchContext, algorithm: BenchAlgorithm): Promise<Side> {
  const { signer, tokens } = await issued(algorithm);
  const verifier = createOurVerifier(trustIn(signer));
  return { verify: (token) => verifier.verify(token), tokens };
}
