import { createLoadGauge, type LoadGauge, PROBES } from './load-gauge.js';
import type { CountOptions } from '../store.js';
import { StoreFailure } from '../failures/store-failure.js';

/** Refuses operations that most likely would not be answered in time, because many of their kind wait already. */
export interface Admission {
  /** Returns the failure when the operation is refused. Otherwise `end` has to be called. */
  begin(operation: string): StoreFailure | undefined;
  end(operation: string, isAnswered: boolean): void;
}

/**
 * What a request begins with. Nothing else is ever refused: a request that has changed something may finish, and what runs in the
 * background has no client that would try again.
 */
const firstOperations: ReadonlySet<string> = new Set([
  'together',
  'sessions.get',
  'sessions.listByUser',
  'users.findByLogin',
  'users.list',
]);

export function mayBeRefused(operation: string): boolean {
  return firstOperations.has(operation);
}

/** Counting towards a rate limit begins a request; giving an attempt back ends one, and other counters are in its midst. */
export function isAttempt(key: string, { amount = 1 }: CountOptions): boolean {
  return key.startsWith('limit:') && amount > 0;
}

/** How often the queue is looked at while it is long: it is the store's silence that tells, not the arrival of requests. */
const LOOK_MS = 100;

export function createAdmission(): Admission {
  // A table that is locked holds up some kinds of operations, a store that is out all of them.
  const whole = createLoadGauge();
  const kinds = new Map<string, LoadGauge>();
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;

  function gaugeOf(operation: string): LoadGauge {
    const kind = kinds.get(operation) ?? createLoadGauge();
    kinds.set(operation, kind);
    return kind;
  }

  function isRefused(kind: LoadGauge, now: number): boolean {
    // Reads of a database that only changes wait for, such as SQLite's, go on.
    return kind.isOverloaded(now) || (whole.isOverloaded(now) && !kind.isServed(now));
  }

  function count(change: 1 | -1): void {
    waiting += change;
    if (waiting >= PROBES) timer ??= setInterval(lookAtAll, LOOK_MS).unref();
    else {
      clearInterval(timer);
      timer = undefined;
    }
  }

  function lookAtAll(): void {
    for (const gauge of [whole, ...kinds.values()]) gauge.isOverloaded(performance.now());
  }

  return {
    begin(operation) {
      const kind = gaugeOf(operation);
      const now = performance.now();
      if (isRefused(kind, now)) return refusal;
      for (const gauge of [whole, kind]) gauge.begin(now);
      count(1);
      return undefined;
    },
    end(operation, isAnswered) {
      count(-1);
      for (const gauge of [whole, gaugeOf(operation)]) gauge.end(performance.now(), isAnswered);
    },
  };
}

const refusal = new StoreFailure(
  'overload',
  'the store has more to do than it can answer in time; requests are refused at once',
);
