import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { BenchContext } from '../bench.js';
import { createFilledStore, storeNames, type StoreName } from '../filled/filled-stores.js';
import { robots } from '../filled/population.js';
import { startInstance } from '../instance-process.js';
import { percentile } from '../statistics.js';

/**
 * One of two instances revokes 200,000 sessions at once, a hundred of a user at a time: how soon both refuse them all, and
 * what else feels it.
 */
export async function revocationBurst(context: BenchContext): Promise<void> {
  for (const name of storeNames) await revokeOn(context, name);
}

async function revokeOn({ report, sessions: most }: BenchContext, name: StoreName): Promise<void> {
  const sessions = most / 5;
  const filled = await createFilledStore(name, { sessions, layout: robots });
  const instances = await Promise.all([0, 1].map(() => startInstance(filled.place.url)));
  const [revoking] = instances;
  if (!revoking) return;
  const refused = Promise.all(instances.map((instance) => instance.refusedAt(sessions)));
  // The ids are made, and the timers of the start have come to rest.
  await pause(3000);
  const neighbour = name === 'Redis' ? askAllTheTime(filled.place.url) : undefined;
  for (const instance of instances) await instance.lag();

  const beganAt = Date.now();
  const tries = await revoking.revoke(sessions / 100);
  const revokedAt = Date.now();
  const refusedAt = await refused;
  const lags = await Promise.all(instances.map((instance) => instance.lag()));
  const latencies = await neighbour?.();

  const what = `${name}, ${sessions.toLocaleString('en-US')} revocations`;
  report({
    what: `${what}: refused by both instances, after the last one`,
    value: Math.max(0, ...refusedAt.map((at) => (at - revokedAt) / 1000)),
    unit: 's',
    goal: { atMost: 10 },
    kind: 'steady',
    note: `revoking took ${((revokedAt - beganAt) / 1000).toFixed(1)} s and ${tries} tries for ${sessions / 100} users`,
  });
  report({
    what: `${what}: event loop of the one that revokes, 99th percentile`,
    value: lags[0]?.p99Ms ?? Number.NaN,
    unit: 'ms',
    goal: { atMost: 50 },
    note: `longest ${lags[0]?.maxMs.toFixed(0)} ms`,
  });
  report({
    what: `${what}: event loop of the other instance, 99th percentile`,
    value: lags[1]?.p99Ms ?? Number.NaN,
    unit: 'ms',
    goal: { atMost: 50 },
    note: `longest ${lags[1]?.maxMs.toFixed(0)} ms`,
  });
  if (latencies)
    report({
      what: `${what}: another client's GET, 99th percentile`,
      value: percentile(latencies, 99),
      unit: 'ms',
      goal: { atMost: 50 },
      note: `longest ${Math.max(...latencies).toFixed(0)} ms of ${latencies.length}`,
    });
  await Promise.all(instances.map((instance) => instance.close()));
  await filled.close();
}

/** Asks for a key every few milliseconds. Returns what ends it, which returns how long each answer took. */
function askAllTheTime(url: string): () => Promise<readonly number[]> {
  const client = new Redis(url);
  const latencies: number[] = [];
  const ending = new AbortController();
  const asking = (async () => {
    while (!ending.signal.aborted) {
      const start = performance.now();
      await client.get('somebody-elses');
      latencies.push(performance.now() - start);
      await pause(2);
    }
  })();
  return async () => {
    ending.abort();
    await asking;
    client.disconnect();
    return latencies;
  };
}
