/** A stretch of time, in milliseconds since 1970. */
export interface Silence {
  readonly start: number;
  readonly end: number;
}

/** Remembers when the store did not answer, so that this time does not count against a client. */
export interface StoreSilence {
  /** An operation of the store was answered now. */
  readonly answered: (startedAt: number, operation: string) => void;
  /** An operation of the store has failed now. */
  readonly failed: (startedAt: number, operation: string) => void;
  /** The silences that this instance has met, oldest first. One that goes on ends now. */
  readonly own: () => readonly Silence[];
  /** Takes what other instances know, in place of what they knew before. */
  readonly learn: (others: readonly Silence[]) => void;
  /** How much of a stretch of time was no silence, in milliseconds. */
  readonly answeredMs: (stretch: Silence) => number;
  /** Calls the listener, the last one that was given, when a silence of this instance begins or ends. */
  readonly onChange: (listener: () => void) => void;
}

/** What a refresh waits for, and the reports of {@link StoreSilence.own}. A failure of anything else says nothing of refreshing. */
const OPERATIONS: ReadonlySet<string> = new Set([
  'once.incr',
  'sessions.get',
  'users.findById',
  'sessions.rotate',
  'instances.report',
]);

/**
 * How long an operation counts as failing after its last failure, while others are answered: a table may be locked, or the store
 * only read. Longer than a client that obeys Retry-After takes to ask again.
 */
const LINGER_MS = 10_000;

/** Silences with less between them are one, which bounds how many there are. */
const MERGED_MS = 250;

/** Answered time after which a silence is forgotten, at least. */
const LEAST_MEMORY_MS = 60_000;

/** The newest ones are kept. A store that comes and goes for an hour must not fill the memory. */
const MOST_SILENCES = 240;

/** Failures of one operation that has not been answered since. */
interface Failing {
  readonly start: number;
  readonly lastFailure: number;
  /** When another operation was answered for the first time after the last failure. */
  readonly otherAnswer: number | undefined;
}

/**
 * Creates the memory of one instance. A silence begins when an operation is called that fails, and ends when that operation is
 * answered. It is never inferred from a lack of operations. One that lies further back than the grace is forgotten.
 */
export function createStoreSilence(
  now: () => number,
  { graceSeconds = 0 }: { readonly graceSeconds?: number | undefined } = {},
): StoreSilence {
  const memoryMs = Math.max(LEAST_MEMORY_MS, graceSeconds * 1000);
  const failing = new Map<string, Failing>();
  let past: readonly Silence[] = [];
  let others: readonly Silence[] = [];
  let tell = (): void => undefined;

  function end(operation: string, at: number): void {
    const { start } = failing.get(operation) ?? {};
    if (start === undefined) return;
    failing.delete(operation);
    past = remembered(merged([...past, { start, end: at }]), { time: now(), memoryMs });
    tell();
  }

  const own = (): readonly Silence[] => {
    const time = now();
    const going = [...failing.values()].map((each) => ({
      start: each.start,
      end: endOf(each, time),
    }));
    return remembered(merged([...past, ...going]), { time, memoryMs });
  };

  return Object.freeze({
    answered(_startedAt: number, operation: string): void {
      if (failing.size === 0 || !OPERATIONS.has(operation)) return;
      const time = now();
      for (const [name, each] of failing)
        if (name === operation || endOf(each, time) < time) end(name, endOf(each, time));
        else failing.set(name, { ...each, otherAnswer: each.otherAnswer ?? time });
    },
    failed(startedAt: number, operation: string): void {
      // Only waiting for the connection has failed: the operation that comes first on it was to be `sessions.get`.
      const name = operation === 'together' ? 'sessions.get' : operation;
      if (!OPERATIONS.has(name)) return;
      const time = now();
      const known = failing.get(name);
      const knownEnd = known && endOf(known, time);
      if (knownEnd !== undefined && knownEnd < startedAt) end(name, knownEnd);
      failing.set(name, {
        start: Math.min(failing.get(name)?.start ?? startedAt, startedAt),
        lastFailure: time,
        otherAnswer: undefined,
      });
      if (known === undefined) tell();
    },
    own,
    learn(silences: readonly Silence[]): void {
      others = silences;
    },
    answeredMs: (stretch: Silence) => answeredMs(merged([...own(), ...others]), stretch),
    onChange(listener: () => void): void {
      tell = listener;
    },
  });
}

function endOf({ lastFailure, otherAnswer }: Failing, time: number): number {
  if (otherAnswer === undefined) return time;
  return Math.min(time, Math.max(otherAnswer, lastFailure + LINGER_MS));
}

function merged(silences: readonly Silence[]): readonly Silence[] {
  const result: Silence[] = [];
  for (const each of silences.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last && each.start - last.end < MERGED_MS)
      result[result.length - 1] = { start: last.start, end: Math.max(last.end, each.end) };
    else result.push(each);
  }
  return result;
}

/** Those that still matter. */
function remembered(
  silences: readonly Silence[],
  { time, memoryMs }: { readonly time: number; readonly memoryMs: number },
): readonly Silence[] {
  let answered = 0;
  let later = time;
  const first = silences.findLastIndex(({ start, end }) => {
    answered += Math.max(0, later - end);
    later = start;
    return answered > memoryMs;
  });
  return silences.slice(first + 1).slice(-MOST_SILENCES);
}

function answeredMs(silences: readonly Silence[], { start, end }: Silence): number {
  let silent = 0;
  for (const each of silences)
    silent += Math.max(0, Math.min(end, each.end) - Math.max(start, each.start));
  return Math.max(0, end - start) - silent;
}
