import { PATIENCE_MS } from '../store.js';

/**
 * Tells when a queue is longer than can be served in time: by how many wait, and how many were answered lately. Time is an
 * argument, in milliseconds of a clock that never goes back.
 */
export interface LoadGauge {
  /** Whether an operation that begins now would most likely not be answered in time. */
  isOverloaded(now: number): boolean;
  /** Whether nothing of its kind waits, or something of it was answered within the last second. */
  isServed(now: number): boolean;
  begin(now: number): void;
  end(now: number, isAnswered: boolean): void;
}

/** So many are always let through: they find out whether the store answers again. Fewer at once are no overload. */
export const PROBES = 16;
/** Shorter pauses than this are ordinary: a commit that waits for the disk, a fail-over inside a pool. */
const SPAN_MS = 1000;
/** A process that was busy itself has seen nothing of the store meanwhile. */
const LONGEST_STEP_MS = 250;
/** What was seen before a longer pause says nothing of now. */
const MEMORY_MS = 5000;
const LONGEST_WAIT_MS = PATIENCE_MS * 0.75;

interface Span {
  ms: number;
  answers: number;
}

export function createLoadGauge(): LoadGauge {
  let inFlight = 0;
  let lookedAt = 0;
  let answeredAt = -Infinity;
  let former: Span | undefined;
  let current: Span = { ms: 0, answers: 0 };

  function reset(): void {
    former = undefined;
    current = { ms: 0, answers: 0 };
  }

  function look(now: number): void {
    const step = now - lookedAt;
    lookedAt = now;
    if (step > MEMORY_MS) reset();
    // With fewer the store has nothing to do part of the time, which says nothing of its speed.
    else if (inFlight >= PROBES) current.ms += Math.min(step, LONGEST_STEP_MS);
    if (current.ms < SPAN_MS) return;
    former = current;
    current = { ms: 0, answers: 0 };
  }

  /** 0 until there is something to tell it from. */
  function expectedWait(): number {
    if (!former) return 0;
    const answers = former.answers + current.answers;
    return answers === 0 ? Infinity : (inFlight * (former.ms + current.ms)) / answers;
  }

  return {
    isOverloaded(now) {
      look(now);
      return inFlight >= PROBES && expectedWait() > LONGEST_WAIT_MS;
    },
    isServed: (now) => inFlight === 0 || now - answeredAt < SPAN_MS,
    begin(now) {
      look(now);
      inFlight += 1;
    },
    end(now, isAnswered) {
      look(now);
      inFlight -= 1;
      if (!isAnswered) return;
      answeredAt = now;
      current.answers += 1;
      if (inFlight < PROBES && expectedWait() <= LONGEST_WAIT_MS) reset();
    },
  };
}
