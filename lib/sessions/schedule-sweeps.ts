import type { OnceStore, SessionStore } from '../stores/store.js';

interface SweepContext {
  readonly sessions: Pick<SessionStore, 'sweep'>;
  readonly once: Pick<OnceStore, 'sweep'>;
  readonly accessTtlSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Deletes what has ended, about once an hour, at random moments, so that instances don't sweep at the same time. */
export function scheduleSweeps({ sessions, once, now, accessTtlSeconds }: SweepContext): {
  stop(): void;
} {
  // Revoked sessions stay as long as an access token can outlive them, and one day more for investigations.
  const keepMs = accessTtlSeconds * 1000 + DAY_MS;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  async function sweep(): Promise<void> {
    await sweepAll((limit) => sessions.sweep(now() - keepMs, limit));
    await sweepAll((limit) => once.sweep(now(), limit));
  }

  function scheduleNext(): void {
    if (isStopped) return;
    // A failure is reported by the store itself (`store.failed`); the next sweep catches up.
    timer = setTimeout(
      () => void sweep().then(scheduleNext, scheduleNext),
      HOUR_MS * (0.5 + Math.random()),
    ).unref();
  }

  scheduleNext();
  return {
    stop(): void {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

const BATCH = 1000;

async function sweepAll(sweepBatch: (limit: number) => Promise<number>): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop
  while ((await sweepBatch(BATCH)) === BATCH);
}
