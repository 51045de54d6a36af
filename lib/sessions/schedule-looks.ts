import { PATIENCE_MS } from '../stores/store.js';

export interface LooksOptions {
  readonly look: () => Promise<void>;
  /** Milliseconds from the end of a look to the next one, unless that is hastened. */
  readonly pauseMs: () => number;
  /** Calls the function that it is given when there is something to see. Returns the function that ends it. */
  readonly onNews?: ((listener: () => void) => () => void) | undefined;
  /** Milliseconds since 1970: unlike that of timers, this clock goes on while the process is frozen. */
  readonly now: () => number;
}

export interface Looks {
  /** Takes the first look, and further ones until it is stopped. Does nothing the second time. */
  start(): void;
  /** Takes a look, or joins the one that is being taken. */
  now(): Promise<void>;
  /** Whether the last look is longer ago than in a process that runs: AWS Lambda freezes it between requests, a laptop sleeps. */
  isOverdue(): boolean;
  stop(): void;
}

/** However often there is news, looks begin no sooner after each other. */
const BETWEEN_LOOKS_MS = 200;
/** Longer than a look takes when the store doesn't answer, for which callers wait a second longer than its patience. */
const LONGEST_LOOK_MS = PATIENCE_MS + 2000;

/** Takes looks, one at a time: some time after the one before, and soon when there is news. */
export function scheduleLooks({ look, pauseMs, onNews, now }: LooksOptions): Looks {
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let startedAt = 0;
  let hasNews = false;
  let isStarted = false;
  let isStopped = false;
  const deadline = createDeadline(pauseMs, now);
  let stopListening: (() => void) | undefined;

  function lookNow(): Promise<void> {
    looking ??= takeLook();
    return looking;
  }

  async function takeLook(): Promise<void> {
    hasNews = false;
    startedAt = performance.now();
    const end = deadline.begin();
    try {
      await look();
    } finally {
      end();
      looking = undefined;
      lookIn(hasNews ? untilNextLook() : pauseMs());
    }
  }

  function untilNextLook(): number {
    return Math.max(0, startedAt + BETWEEN_LOOKS_MS - performance.now());
  }

  function lookIn(delayMs: number): void {
    if (isStopped) return;
    clearTimeout(timer);
    timer = setTimeout(lookQuietly, delayMs).unref();
  }

  /** A failure is reported by the store itself (`store.failed`). */
  function lookQuietly(): void {
    lookNow().catch(() => undefined);
  }

  function hearNews(): void {
    if (hasNews) return;
    hasNews = true;
    if (!looking) lookIn(untilNextLook());
  }

  return {
    start(): void {
      if (isStarted) return;
      isStarted = true;
      stopListening = onNews?.(hearNews);
      lookQuietly();
    },
    now: lookNow,
    isOverdue: deadline.isOver,
    stop(): void {
      isStopped = true;
      clearTimeout(timer);
      stopListening?.();
    },
  };
}

/** Until when a process that runs has looked again, or is about to. */
function createDeadline(pauseMs: () => number, now: () => number) {
  let dueBy = 0;
  const isOver = (): boolean => now() >= dueBy;
  const renew = (): void => {
    dueBy = now() + Math.max(2 * pauseMs(), LONGEST_LOOK_MS);
  };
  return {
    isOver,
    /** Notes a look. Returns what notes its end. */
    begin(): () => void {
      const began = now();
      // One that comes too late has to end before it counts.
      if (!isOver()) renew();
      // One in whose middle the process was frozen may have read before that.
      return () => {
        if (now() - began <= LONGEST_LOOK_MS) renew();
      };
    },
  };
}
