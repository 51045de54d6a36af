export interface Patience {
  /** Milliseconds until the last try begins. */
  readonly forMs: number;
  readonly signal?: AbortSignal | null | undefined;
}

const LONGEST_PAUSE_MS = 4000;

/**
 * Tries until there is an answer that is no outage, or the time is up: then it returns the last answer, or rejects with the last failure.
 * `Retry-After` (RFC 9110 §10.2.3) sets the pause, else it doubles.
 */
export async function patiently<T extends Response | undefined>(
  attempt: () => Promise<T>,
  isTrouble: (status: number) => boolean,
  { forMs, signal }: Patience,
): Promise<T> {
  // Not the clock of the day, which may be set meanwhile.
  const end = performance.now() + forMs;
  for (let pauseMs = 250; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const outcome = attempt();
    // All that `fetch()` rejects with is an outage: a TypeError, a time limit, and what other implementations throw.
    const answer = await outcome.catch(() => null);
    if (answer === undefined || (answer && !isTrouble(answer.status))) return outcome;
    const waitMs = retryAfterMs(answer) || pauseMs * (0.5 + Math.random() / 2);
    if (performance.now() + waitMs >= end) return outcome;
    drop(answer);
    await abortable(pause(waitMs), signal);
  }
}

/** Seconds from now, or a date. 0 for what is over by this clock, too: that leaves the pause to us. */
export function retryAfterMs(answer: Response | null): number {
  const value = answer?.headers.get('Retry-After') ?? '';
  return Math.max(Number(value) * 1000 || Date.parse(value) - Date.now(), 0) || 0;
}

/** Ends an answer that is not read. Not waited for: where it has been cloned, that would last until the clone is read. */
export function drop(answer: Response | null): void {
  answer?.body?.cancel().catch(() => {});
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** Waits for work that others may need too: an abort ends the waiting, not the work. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
