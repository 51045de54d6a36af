import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type CredentialStore,
  KEEP_CREDENTIALS_MS,
  type OnceStore,
  type SessionStore,
} from '../stores/store.js';

interface SweepContext {
  readonly sessions: Pick<SessionStore, 'sweep'>;
  readonly once: Pick<OnceStore, 'sweep' | 'add' | 'del'>;
  readonly credentials: Pick<CredentialStore, 'sweep'>;
  readonly accessTtlSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Milliseconds. */
export interface SweepPace {
  /** From the start to the first sweep, at most. At least a third of it. */
  readonly firstMs: number;
  /** From a sweep that came to its end to the next one, on average. */
  readonly idleMs: number;
  /** Until an instance asks again whether it may sweep, at most. */
  readonly retryMs: number;
  /** How long an instance may sweep before it lets another one. */
  readonly runMs: number;
  /** How long the others wait for an instance that ended in the middle. Longer than `runMs` and the patience with a store. */
  readonly leaseMs: number;
  /** After each batch, so that other statements come first. */
  readonly pauseMs: number;
}

const PACE: SweepPace = {
  firstMs: 30_000,
  idleMs: 60_000,
  retryMs: 15_000,
  runMs: 30_000,
  leaseMs: 45_000,
  pauseMs: 50,
};

const DAY_MS = 24 * 3_600_000;
const LEASE = 'lease:sweep';

/** How a sweep went. */
type Outcome = 'complete' | 'unfinished' | 'busy';

/**
 * Deletes what has ended, about once a minute, in small batches. One instance at a time: who sweeps holds a lease in the
 * store.
 */
export function scheduleSweeps(context: SweepContext, pace: SweepPace = PACE): { stop(): void } {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  async function sweep(): Promise<void> {
    // A failure is reported by the store itself (`store.failed`); the next sweep goes on from there.
    const outcome = await sweepAlone(context, pace, stopping.signal).catch(
      () => 'complete' as const,
    );
    sweepIn(delayAfter(outcome, pace));
  }

  function sweepIn(delayMs: number): void {
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => void sweep(), delayMs).unref();
  }

  sweepIn(pace.firstMs * between(1 / 3, 1));
  return {
    stop(): void {
      stopping.abort();
      clearTimeout(timer);
    },
  };
}

function delayAfter(outcome: Outcome, { idleMs, retryMs, pauseMs }: SweepPace): number {
  if (outcome === 'unfinished') return pauseMs;
  // At random moments, so that instances that started together don't ask together.
  return outcome === 'busy' ? retryMs * between(0.5, 1) : idleMs * between(0.75, 1.25);
}

function between(least: number, most: number): number {
  return least + Math.random() * (most - least);
}

/** Sweeps if no other instance does. */
async function sweepAlone(
  context: SweepContext,
  pace: SweepPace,
  stopping: AbortSignal,
): Promise<Outcome> {
  const { once, now } = context;
  const time = now();
  const life = { now: time, expiresAt: time + pace.leaseMs };
  if (!(await once.add(LEASE, randomUUID(), life))) return 'busy';
  const outcome = await sweepBatches(context, pace, stopping);
  // The store may be closed already.
  if (!stopping.aborted) await once.del(LEASE);
  return outcome;
}

/** Sweeps a batch of sessions, of one-time values and of credentials in turn, until there are no more or the time is up. */
async function sweepBatches(
  { sessions, once, credentials, now, accessTtlSeconds }: SweepContext,
  { runMs, pauseMs }: SweepPace,
  stopping: AbortSignal,
): Promise<Outcome> {
  // Revoked sessions stay as long as an access token can outlive them, and one day more for investigations.
  const keepMs = accessTtlSeconds * 1000 + DAY_MS;
  let sweepers = [
    createBatchSweeper((limit) => sessions.sweep(now() - keepMs, limit)),
    createBatchSweeper((limit) => once.sweep(now(), limit)),
    createBatchSweeper((limit) => credentials.sweep(now() - KEEP_CREDENTIALS_MS, limit)),
  ];
  const endsAt = performance.now() + runMs;
  while (sweepers.length > 0) {
    const unfinished: typeof sweepers = [];
    for (const sweepBatch of sweepers) {
      if (stopping.aborted || performance.now() >= endsAt) return 'unfinished';
      // One after the other: the pauses are for other work.
      // oxlint-disable-next-line no-await-in-loop
      if (await sweepBatch()) unfinished.push(sweepBatch);
      // oxlint-disable-next-line no-await-in-loop
      await wait(pauseMs, undefined, { ref: false });
    }
    sweepers = unfinished;
  }
  return 'complete';
}

const FIRST_BATCH = 200;
const SMALLEST_BATCH = 50;
const LARGEST_BATCH = 5000;
/** How long a batch should take: short for those who wait for the same rows, or for the process of a SQLite store. */
const BATCH_MS = 25;

/** Sweeps a batch at each call, of a size that fits the time it took before. Returns whether there may be more. */
function createBatchSweeper(sweep: (limit: number) => Promise<number>): () => Promise<boolean> {
  let size = FIRST_BATCH;
  return async () => {
    const limit = size;
    const startedAt = performance.now();
    const swept = await sweep(limit);
    const tookMs = Math.max(1, performance.now() - startedAt);
    const fitting = Math.min(size * 2, (size * BATCH_MS) / tookMs);
    size = Math.round(Math.min(LARGEST_BATCH, Math.max(SMALLEST_BATCH, fitting)));
    return swept >= limit;
  };
}
