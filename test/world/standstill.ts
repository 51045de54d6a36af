import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

const TICK_MS = 5;

const COUNT = `
const { workerData } = require('node:worker_threads');
const ticks = new Int32Array(workerData);
setInterval(() => Atomics.add(ticks, 0, 1), ${TICK_MS});
`;

/**
 * Measures how long the event loop stands still, in milliseconds, by the ticks of another thread of this process: what stops
 * all of the process, as a busy or paused machine does, stops the ticks as well and doesn't count. Until the test ends.
 */
export async function watchStandstills(): Promise<RecordableHistogram> {
  const shared = new SharedArrayBuffer(4);
  const ticks = new Int32Array(shared);
  const worker = new Worker(COUNT, { eval: true, workerData: shared });
  onTestFinished(async () => void (await worker.terminate()));
  while (Atomics.load(ticks, 0) === 0) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  const standstills = createHistogram();
  let last = Atomics.load(ticks, 0);
  const timer = setInterval(() => {
    const now = Atomics.load(ticks, 0);
    standstills.record(Math.max(1, (now - last) * TICK_MS));
    last = now;
  }, TICK_MS);
  onTestFinished(() => clearInterval(timer));
  return standstills;
}
