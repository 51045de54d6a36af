import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from '../bench.js';
import { compare } from '../comparison.js';
import { hostileCredentials } from '../hostile-credentials.js';
import { type KeyServerMode, startKeyServer } from '../key-server.js';
import { createLoad, type Load } from '../load.js';
import { createTraffic, type Traffic } from '../traffic.js';
import { trustInKeysAt } from '../trust.js';

/**
 * Traffic under known keys while the key endpoint is broken, against the same with a healthy one. The cache is
 * smaller than the rotation, so every request needs its key. Somebody else names unknown keys all the while, so that
 * the endpoint is asked; on a connection of his own, because he may have to wait for the answer and they must not.
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
  const { share, goodRefused } = await compare({
    scenario: { off: route(healthy.jwksUri), on: route(broken.jwksUri) },
    off: createTraffic({ path: '/off', tokens }),
    on: createTraffic({ path: '/on', tokens }),
    pairs,
    async onReady(port) {
      broken.setMode(mode);
      return nameUnknownKeys(port, tokens);
    },
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

const PAUSE_MS = 50;

/** Asks both routes for keys that don't exist until told to stop. */
async function nameUnknownKeys(port: number, tokens: readonly string[]): Promise<() => void> {
  const hostile = hostileCredentials('random kid', tokens.slice(0, 1000));
  const loads = await Promise.all(
    (['/off', '/on'] as const).map(async (path) => {
      const load = await createLoad(port, 1);
      void askUntilClosed(load, createTraffic({ path, tokens, hostile, hostileEvery: 1 }));
      return load;
    }),
  );
  return () => loads.forEach((load) => load.close());
}

async function askUntilClosed(load: Load, traffic: Traffic): Promise<void> {
  try {
    for (;;) {
      await load.run(traffic, 0);
      await sleep(PAUSE_MS);
    }
  } catch {
    // Closed.
  }
}
