import { isRecord } from '../../is-record.js';
import { PATIENCE_MS } from '../store.js';
import { StoreFailure } from '../failures/store-failure.js';

export interface Turns {
  /**
   * Runs a step at once if nobody waits, else after everybody who does. One that meets the lock of another process is
   * tried again until {@link PATIENCE_MS} after this call; then its last error is the answer, and nothing was changed.
   */
  run<Result>(step: Step<Result>): Promise<Result>;
  /** The same for a step that only reads: it needs no lock as a rule, and passes those who wait for one. */
  read<Result>(step: Step<Result>): Promise<Result>;
  /** Refuses everybody who waits. */
  refuseAll(error: unknown): void;
}

/** Synchronous, so that it takes effect within its turn or not at all. Is told how long it has waited. */
type Step<Result> = (waitedMs: number) => Result;

interface Waiting {
  readonly since: number;
  /** Throws when the database is busy. Whatever else happens is the caller's answer. */
  readonly attempt: () => void;
  readonly refuse: (error: unknown) => void;
}

/** Pauses between attempts, in milliseconds: a lock is held for a moment as a rule. */
const PAUSES_MS = [1, 1, 2, 5, 10] as const;
const LONGEST_PAUSE_MS = 10;

/**
 * SQLite has no queue for its lock. So a process that has changed one thing after the other for so long leaves it free for a
 * moment, in which others find it.
 */
const STREAK_MS = 25;
const GAP_MS = 2;

/** After so long the event loop has its turn, when many have waited for one lock. */
const SLICE_MS = 10;

/** Whoever comes when so many wait is refused at once: they would not all be served within their patience. */
const MAX_WAITING = 1000;

/**
 * Lets the steps of one connection wait for locks without stopping the process, as SQLite's own busy handler would: of
 * all who wait only the first one tries, and the others follow in the order of their calls.
 */
export function createTurns(): Turns {
  const queue: Waiting[] = [];
  const lock = createLockState();
  const streak = createStreak();

  function refuseLate(): void {
    const latest = performance.now() - PATIENCE_MS;
    while (queue[0] && queue[0].since <= latest) queue.shift()?.refuse(lock.refusal());
  }

  function serve(): void {
    refuseLate();
    const sliceEnd = performance.now() + SLICE_MS;
    while (queue[0] && performance.now() < sliceEnd) {
      try {
        streak.note(queue[0].attempt);
      } catch (error) {
        setTimeout(serve, lock.missed(error));
        return;
      }
      lock.got();
      queue.shift();
      refuseLate();
    }
    if (!queue[0]) return;
    if (streak.isLong()) setTimeout(serve, GAP_MS);
    else setImmediate(serve);
  }

  function wait<Result>(step: Step<Result>, since: number, pauseMs: number): Promise<Result> {
    if (queue.length >= MAX_WAITING) return Promise.reject(lock.refusal());
    return new Promise((resolve, reject) => {
      if (queue.length === 0) setTimeout(serve, pauseMs);
      queue.push(createWaiting(step, { since, resolve, reject }));
    });
  }

  async function attempt<Result>(step: Step<Result>): Promise<Result> {
    const since = performance.now();
    try {
      return step(0);
    } catch (error) {
      if (!isBusy(error)) throw error;
      return wait(step, since, lock.missed(error));
    }
  }

  return {
    run(step) {
      if (queue.length > 0 || streak.isLong()) return wait(step, performance.now(), GAP_MS);
      return attempt((waitedMs) => streak.note(() => step(waitedMs)));
    },
    read: attempt,
    refuseAll(error) {
      for (const { refuse } of queue.splice(0)) refuse(error);
    },
  };
}

/** What is known of the lock of the file. */
function createLockState() {
  let failures = 0;
  let lastBusy: unknown;
  return {
    /** Somebody else has it. Returns how long to wait. */
    missed(error: unknown): number {
      lastBusy = error;
      failures += 1;
      return PAUSES_MS[failures - 1] ?? LONGEST_PAUSE_MS;
    },
    got(): void {
      failures = 0;
      lastBusy = undefined;
    },
    /** Why somebody waited in vain. */
    refusal(): unknown {
      return lastBusy ?? new StoreFailure('overload', 'too many changes wait for the SQLite file');
    },
  };
}

/** How long changes have followed each other without a gap. */
function createStreak() {
  let since = 0;
  let last = 0;
  return {
    isLong(): boolean {
      return performance.now() - last < GAP_MS && last - since > STREAK_MS;
    },
    /** Runs a change. One that is kept out by a lock is none. */
    note<Result>(change: () => Result): Result {
      const startedAt = performance.now();
      const result = change();
      if (startedAt - last >= GAP_MS) since = startedAt;
      last = performance.now();
      return result;
    },
  };
}

function createWaiting<Result>(
  step: Step<Result>,
  caller: {
    readonly since: number;
    readonly resolve: (result: Result) => void;
    readonly reject: (error: unknown) => void;
  },
): Waiting {
  const { since, resolve, reject } = caller;
  return {
    since,
    attempt() {
      try {
        resolve(step(performance.now() - since));
      } catch (error) {
        if (isBusy(error)) throw error;
        reject(error);
      }
    },
    refuse: reject,
  };
}

const BUSY = 5;
const LOCKED = 6;

/**
 * Whether the database was locked by somebody else: SQLITE_BUSY, SQLITE_LOCKED and their further kinds
 * (SQLITE_BUSY_RECOVERY, SQLITE_BUSY_SNAPSHOT …), whose lowest byte is the same.
 */
function isBusy(error: unknown): boolean {
  if (!isRecord(error)) return false;
  // `code` is the name in libsql and better-sqlite3; node:sqlite has the number in `errcode`.
  const { code, errcode } = error;
  if (typeof errcode === 'number') return [BUSY, LOCKED].includes(errcode & 0xff);
  return typeof code === 'string' && /^SQLITE_(?:BUSY|LOCKED)/.test(code);
}
