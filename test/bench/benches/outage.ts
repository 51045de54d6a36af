import type { BenchContext } from '../bench.js';
import { compare } from '../comparison.js';
import { hostileCredentials } from '../hostile-credentials.js';
import { type KeyServerMode, startKeyServer } from '../key-server.js';
import { createTraffic } from '../traffic.js';
import { trustInKeysAt } from '../trust.js';

/**
 * Traffic under known keys while the key endpoint is broken, against the same with a healthy one. The cache is
 * smaller than the rotation, so every request needs its key; a few name unknown keys, so the endpoint is asked.
 */
export async function outage(context: BenchContext): Promise<void> {
  for (const mode of ['503', 'reset', 'hanging'] as const) {
    await compareInOutage(context, mode);
  }
}

async function compareInOutage(
  { report, pairs, issued }: BenchContext,
  mode: KeyServerMode,
): Promise<void> {
  const { signer, tokens } = await issued('RS256');
  const [healthy, broken] = [await startKeyServer(signer.jwks), await startKeyServer(signer.jwks)];
  const route = (jwksUri: string) =>
    ({
      stack: 'latchkey',
      trust: { ...trustInKeysAt(jwksUri, signer), maxEntries: tokens.length / 2 },
    }) as const;
  const mix = { tokens, hostile: hostileCredentials('random kid', tokens), hostileEvery: 50 };
  const { share, goodRefused } = await compare({
    scenario: { off: route(healthy.jwksUri), on: route(broken.jwksUri) },
    off: createTraffic({ path: '/off', ...mix }),
    on: createTraffic({ path: '/on', ...mix }),
    pairs,
    onReady: () => broken.setMode(mode),
  }).finally(() => {
    healthy.close();
    broken.close();
  });
  const what = `key endpoint ${mode}: known-key requests`;
  report({
    what: `${what} refused`,
    value: goodRefused,
    goal: { exactly: 0 },
    kind: 'counter',
    note: `the endpoint was asked ${broken.fetches} times`,
  });
  report({
    what: `${what}, share of healthy throughput`,
    value: share.median,
    spread: share,
    goal: { atLeast: 0.95 },
  });
}
