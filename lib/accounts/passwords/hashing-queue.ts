import { AuthError } from '../../errors.js';

/** Runs a few hashes at once and lets a bounded number wait, first come, first served. */
export interface HashingQueue {
  /** Rejects with SERVER_BUSY (503) when too many wait already. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  counters(): HashingCounters;
}

export interface HashingCounters {
  readonly running: number;
  readonly waiting: number;
  /** Hashes that were done or failed, since the start. */
  readonly finished: number;
  /** Hashes that were refused because too many waited. */
  readonly refused: number;
}

/**
 * argon2 and WebCrypto share Node's few pool threads: without a bound, log-ins would keep every token waiting
 * whose signature is checked or made.
 */
export function createHashingQueue(atOnce: number, mostWaiting: number): HashingQueue {
  const waiting: (() => void)[] = [];
  let running = 0;
  let finished = 0;
  let refused = 0;

  function release(): void {
    finished += 1;
    const next = waiting.shift();
    // The slot goes from hand to hand; nobody who comes now may overtake.
    if (next) next();
    else running -= 1;
  }

  async function enter(): Promise<void> {
    if (running < atOnce) {
      running += 1;
      return;
    }
    if (waiting.length >= mostWaiting) {
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
