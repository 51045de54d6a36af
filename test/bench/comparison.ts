import { createLoad, type Load, type LoadResult } from './load.js';
import type { Sample, Scenario } from './server-messages.js';
import { type ServerProcess, startServer } from './server-process.js';
import { abba, percentile, type Quartiles, quartiles } from './statistics.js';
import type { Traffic } from './traffic.js';

/** `/on` against `/off`, pair by pair. */
export interface Comparison {
  /** Good requests per second on `/on`, as a share of those on `/off`. */
  readonly share: Quartiles;
  /** CPU time of all the server's threads per request, `/on` minus `/off`, in microseconds. */
  readonly cpuAddedUs: Quartiles;
  readonly cpuOffUs: number;
  /** 99th percentile of good requests' latency, `/on` through `/off`. */
  readonly p99Ratio: number;
  readonly goodRefused: number;
  /** Share of the time in which the server's event loop was at work; well below 1 the client was too slow. */
  readonly busy: number;
  readonly requestsPerSecondOff: number;
}

export interface CompareOptions {
  readonly scenario: Scenario;
  readonly off: Traffic;
  readonly on: Traffic;
  readonly pairs: number;
  /** Called when both routes have been warmed up; what it answers is called when the pairs are done. */
  readonly onReady?: (port: number) => Promise<() => void>;
}

const SLICE_MS = 120;
const WARM_UP_REQUESTS = 10_000;
const WARM_UP_MS = 800;

/**
 * Starts a server and alternates between its two routes every 120 ms, in the order A B B A, drained in between:
 * machines are noisy within seconds, so only neighbours in time can be compared.
 */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const { scenario, off, on, pairs, onReady } = options;
  const server = await startServer(scenario);
  const load = await createLoad(server.port);
  let stop: (() => void) | undefined;
  try {
    await warmUp(load, off);
    await warmUp(load, on);
    stop = await onReady?.(server.port);
    const done: Pair[] = [];
    for (let index = 0; index < pairs; index += 1) {
      done.push(await measurePair({ server, load, off, on, index }));
    }
    return summarise(done);
  } finally {
    stop?.();
    load.close();
    await server.close();
  }
}

/** Long enough for the compiler, and until the whole rotation has been seen once. */
async function warmUp(load: Load, traffic: Traffic): Promise<void> {
  const until = performance.now() + WARM_UP_MS;
  let good = 0;
  while (good < WARM_UP_REQUESTS || performance.now() < until) {
    const result = await load.run(traffic, SLICE_MS);
    good += result.good;
    if (result.good === 0) throw new Error('no good request was answered 200');
  }
}

interface Measured {
  readonly result: LoadResult;
  readonly cpuUs: number;
  readonly busy: number;
}

interface Pair {
  readonly off: Measured;
  readonly on: Measured;
}

interface PairOptions {
  readonly server: ServerProcess;
  readonly load: Load;
  readonly off: Traffic;
  readonly on: Traffic;
  readonly index: number;
}

async function measurePair({ server, load, off, on, index }: PairOptions): Promise<Pair> {
  const measured = new Map<Traffic, Measured>();
  for (const traffic of abba(index, [off, on])) {
    measured.set(traffic, await measureSlice(server, load, traffic));
  }
  const [offMeasured, onMeasured] = [measured.get(off), measured.get(on)];
  if (!offMeasured || !onMeasured) throw new Error('both sides need a traffic of their own');
  return { off: offMeasured, on: onMeasured };
}

async function measureSlice(
  server: ServerProcess,
  load: Load,
  traffic: Traffic,
): Promise<Measured> {
  const before = await server.sample();
  const result = await load.run(traffic, SLICE_MS);
  const after = await server.sample();
  return { result, cpuUs: after.cpuUs - before.cpuUs, busy: busyBetween(before, after) };
}

function busyBetween(before: Sample, after: Sample): number {
  const active = after.activeMs - before.activeMs;
  return active / (active + after.idleMs - before.idleMs);
}

function summarise(pairs: readonly Pair[]): Comparison {
  const all = (side: 'off' | 'on') => pairs.map((pair) => pair[side]);
  const p99 = (side: 'off' | 'on') =>
    percentile(
      all(side).flatMap(({ result }) => result.latencies),
      99,
    );
  return {
    share: quartiles(pairs.map(({ off, on }) => rate(on) / rate(off))),
    cpuAddedUs: quartiles(pairs.map(({ off, on }) => cpuPerRequest(on) - cpuPerRequest(off))),
    cpuOffUs: percentile(all('off').map(cpuPerRequest), 50),
    p99Ratio: p99('on') / p99('off'),
    goodRefused: [...all('off'), ...all('on')].reduce(
      (sum, { result }) => sum + result.goodRefused,
      0,
    ),
    busy: percentile(
      [...all('off'), ...all('on')].map(({ busy }) => busy),
      50,
    ),
    requestsPerSecondOff: percentile(all('off').map(rate), 50) * 1000,
  };
}

function rate({ result }: Measured): number {
  return result.good / result.elapsedMs;
}

function cpuPerRequest({ result, cpuUs }: Measured): number {
  return cpuUs / result.requests;
}
