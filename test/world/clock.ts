/** A clock that only moves when told to. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  advance(seconds: number): void;
}

/** Starts at a fixed moment, so that a failing test fails the same way again. */
export function createClock(startSeconds = 1_800_000_000): Clock {
  let nowMs = startSeconds * 1000;
  return {
    now: () => nowMs,
    advance(seconds) {
      nowMs += seconds * 1000;
    },
  };
}
