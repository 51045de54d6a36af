export interface LooksOptions {
  readonly look: () => Promise<void>;
  /** Milliseconds from the end of a look to the next one, unless that is hastened. */
  readonly pauseMs: () => number;
  /** Calls the function that it is given when there is something to see. Returns the function that ends it. */
  readonly onNews?: ((listener: () => void) => () => void) | undefined;
}

export interface Looks {
  /** Takes the first look, and further ones until it is stopped. Does nothing the second time. */
  start(): void;
  /** Takes a look, or joins the one that is being taken. */
  now(): Promise<void>;
  stop(): void;
}

/** However often there is news, looks begin no sooner after each other. */
const BETWEEN_LOOKS_MS = 200;

/** Takes looks, one at a time: some time after the one before, and soon when there is news. */
export function scheduleLooks({ look, pauseMs, onNews }: LooksOptions): Looks {
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let startedAt = 0;
  let hasNews = false;
  let isStarted = false;
  let isStopped = false;
  let stopListening: (() => void) | undefined;

  function lookNow(): Promise<void> {
    looking ??= takeLook();
    return looking;
  }

  async function takeLook(): Promise<void> {
    hasNews = false;
    startedAt = performance.now();
    try {
      await look();
    } finally {
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
    stop(): void {
      isStopped = true;
      clearTimeout(timer);
      stopListening?.();
    },
  };
}
