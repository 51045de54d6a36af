import { AuthError } from '../../errors.js';

/** Runs a few hashes at a time and queues a bounded number of further ones, first in, first out. */
export interface HashingQueue {
  /** Rejects with SERVER_BUSY (503) when the queue is full. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  counters(): HashingCounters;
}

export interface HashingCounters {
  readonly running: number;
  readonly waiting: number;
  /** Hashes that succeeded or failed since the start. */
  readonly finished: number;
  /** Hashes refused because the queue was full. */
  readonly refused: number;
}

export interface HashingLimits {
  /** Hashes computed at the same time. */
  readonly maxConcurrent: number;
  /** Hashes that wait for their turn; the next one is refused. */
  readonly maxQueued: number;
}

/**
 * argon2 and WebCrypto share Node's few pool threads: without a bound, log-ins would delay every signature that is
 * made or checked.
 */
export function createHashingQueue({ maxConcurrent, maxQueued }: HashingLimits): HashingQueue {
  const waiting: (() => void)[] = [];
  let running = 0;
  let finished = 0;
  let refused = 0;

  function release(): void {
    finished += 1;
    const next = waiting.shift();
    // The slot is handed over, so that a new hash cannot overtake the ones that wait.
    if (next) next();
    else running -= 1;
  }

  async function enter(): Promise<void> {
    if (running < maxConcurrent) {
      running += 1;
      return;
    }
    if (waiting.length >= maxQueued) {
      refused += 1;
      throw new AuthError('SERVER_BUSY', { reason: 'hashing', retryAfterSeconds: 2 });
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  return Object.freeze({
    async run<Result>(work: () => Promise<Result>): Promise<Result> {
      await enter();
      try {
        return await work();
      } finally {
        release();
      }
    },
    counters: () => Object.freeze({ running, waiting: waiting.length, finished, refused }),
  });
}
