import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from '../bench.js';
import { hostileCredentials } from '../hostile-credentials.js';
import { type KeyServer, startKeyServer } from '../key-server.js';
import { createLoad, type Load } from '../load.js';
import { startServer } from '../server-process.js';
import { createSigner, mint, type Signer } from '../tokens.js';
import { createTraffic } from '../traffic.js';
import { trustInKeysAt } from '../trust.js';

/** Soon after the flood has used up what fetches there were: close to the longest wait there can be. */
const FLOOD_HEAD_START_MS = 300;
const PATIENCE_MS = 20_000;

/** How soon a key that the issuer has just published is accepted, and what finding it costs the issuer. */
export async function newKey(context: BenchContext): Promise<void> {
  await measurePickUp(context, false);
  await measurePickUp(context, true);
}

async function measurePickUp({ report, issued }: BenchContext, isFlooded: boolean): Promise<void> {
  const { signer, tokens } = await issued('RS256');
  const successor = createSigner('RS256', 'key-2');
  const keyServer = await startKeyServer(signer.jwks);
  const route = { stack: 'latchkey', trust: trustInKeysAt(keyServer.jwksUri, signer) } as const;
  const server = await startServer({ off: route, on: route });
  // Both routes have a verifier of their own; only `/on` is asked for anything.
  const before = keyServer.fetches;
  const startedAt = performance.now();
  const [flood, probe] = [await createLoad(server.port, 32), await createLoad(server.port, 1)];
  const attack = new AbortController();
  const flooding = isFlooded ? floodUntil(attack.signal, flood, tokens) : Promise.resolve();
  await sleep(isFlooded ? FLOOD_HEAD_START_MS : 0);
  const pickedUpMs = await timeOfPickUp(probe, { keyServer, signer, successor });
  attack.abort();
  await flooding;
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  const fetches = keyServer.fetches - before;
  flood.close();
  probe.close();
  await server.close();
  keyServer.close();
  const situation = isFlooded ? 'in a flood of random kids' : 'quiet';
  report({
    what: `new key, ${situation}: picked up after`,
    value: pickedUpMs / 1000,
    unit: 's',
    goal: { atMost: 5 },
    kind: 'steady',
  });
  report({
    what: `new key, ${situation}: key fetches in ${elapsedSeconds.toFixed(1)} s`,
    value: fetches,
    goal: { atMost: Math.floor(2 + elapsedSeconds / 5) },
    kind: 'counter',
  });
}

async function floodUntil(
  signal: AbortSignal,
  load: Load,
  tokens: readonly string[],
): Promise<void> {
  const hostile = hostileCredentials('random kid', tokens);
  const traffic = createTraffic({ path: '/on', tokens, hostile, hostileEvery: 1 });
  while (!signal.aborted) {
    await load.run(traffic, 100);
  }
}

interface Rotation {
  readonly keyServer: KeyServer;
  readonly signer: Signer;
  readonly successor: Signer;
}

async function timeOfPickUp(
  probe: Load,
  { keyServer, signer, successor }: Rotation,
): Promise<number> {
  const traffic = createTraffic({ path: '/on', tokens: await mint(successor, 10) });
  keyServer.publish({ keys: [...signer.jwks.keys, ...successor.jwks.keys] });
  const publishedAt = performance.now();
  while (performance.now() < publishedAt + PATIENCE_MS) {
    const { good } = await probe.run(traffic, 0);
    if (good > 0) break;
    await sleep(20);
  }
  return performance.now() - publishedAt;
}
