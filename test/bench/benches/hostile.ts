import type { BenchContext } from '../bench.js';
import { compare } from '../comparison.js';
import { hostileCredentials, hostileFamilies, type HostileFamily } from '../hostile-credentials.js';
import { startKeyServer } from '../key-server.js';
import { createTraffic } from '../traffic.js';
import { trustInKeysAt } from '../trust.js';

/** Every second request hostile: how much of the good traffic is left, against no auth under the same mix. */
export async function hostile(context: BenchContext): Promise<void> {
  for (const family of hostileFamilies) {
    await compareUnderAttack(context, family);
  }
}

async function compareUnderAttack(
  { report, pairs, issued }: BenchContext,
  family: HostileFamily,
): Promise<void> {
  const { signer, tokens } = await issued('RS256');
  const keyServer = await startKeyServer(signer.jwks);
  const trust = trustInKeysAt(keyServer.jwksUri, signer);
  const mix = { tokens, hostile: hostileCredentials(family, tokens) };
  const { share, p99Ratio, goodRefused } = await compare({
    scenario: {
      off: { stack: 'bare', trust },
      on: { stack: 'latchkey', trust },
      maxHeaderSize: 131_072,
    },
    off: createTraffic({ path: '/off', ...mix }),
    on: createTraffic({ path: '/on', ...mix }),
    pairs,
  }).finally(() => keyServer.close());
  const what = `every second request hostile (${family})`;
  report({
    what: `${what}: share`,
    value: share.median,
    spread: share,
    goal: { atLeast: family === 'forged signature' ? 0.5 : 0.65 },
  });
  report({ what: `${what}: p99`, value: p99Ratio, unit: 'x', goal: { atMost: 3 } });
  report({
    what: `${what}: good refused`,
    value: goodRefused,
    goal: { exactly: 0 },
    kind: 'counter',
  });
}
