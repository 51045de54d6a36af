import { jwtVerify } from 'jose';
import type { BenchContext } from '../bench.js';
import { createOurVerifier } from '../ours.js';
import { keyObjectOf } from '../peers.js';
import { trustIn } from '../trust.js';
import { compareCost } from '../verification-cost.js';

/** A verification that nothing is remembered of, against bare jose with an imported key. */
export async function cold({ report, pairs, issued }: BenchContext): Promise<void> {
  for (const algorithm of ['RS256', 'HS256', 'ES256', 'EdDSA'] as const) {
    const { signer, tokens } = await issued(algorithm);
    const trust = trustIn(signer);
    const some = tokens.slice(0, 256);
    const verifier = createOurVerifier(trust, false);
    await verifier.ready();
    const key = keyObjectOf(trust);
    const { issuer, audience } = trust;
    const options = { issuer, audience, algorithms: [algorithm] };
    const cost = await compareCost({
      subject: { verify: (token) => verifier.verify(token), tokens: some },
      baseline: { verify: (token) => jwtVerify(token, key, options), tokens: some },
      pairs,
      concurrency: 16,
    });
    report({
      what: `cold verify, ${algorithm} against jose with an imported key: CPU`,
      value: cost.median,
      unit: 'x',
      spread: cost,
      goal: { atMost: algorithm === 'HS256' ? 0.85 : 1.1 },
    });
  }
}
