import type { EventSink } from '../../events.js';
import type { StoreFailureReason } from './failure-reasons.js';
import type { StoreFailure } from './store-failure.js';

/** Tells of a store's failures: each as an event, and each reason once on the console. */
export interface FailureLog {
  failed(operation: string, failure: StoreFailure): void;
  answered(operation: string): void;
  close(): void;
}

interface Warning {
  /** The operation that failed. Others may work, as reading does where nothing can be written. */
  readonly operation: string;
  readonly at: number;
  /** Whether the operation has worked since then. */
  isOver: boolean;
}

/** A store that fails and works by turns is not told of more often. */
const PAUSE_MS = 60_000;
/** Refusals come by the thousand. */
const REFUSALS_MS = 1000;

interface FailureLogOptions {
  readonly events: EventSink;
  readonly warns: boolean;
  readonly now: () => number;
}

export function createFailureLog({ events, warns, now }: FailureLogOptions): FailureLog {
  const warnings = new Map<StoreFailureReason, Warning>();

  function warn(operation: string, { reason, message }: StoreFailure): void {
    const last = warnings.get(reason);
    const at = now();
    if (last && !(last.isOver && at - last.at >= PAUSE_MS)) return;
    warnings.set(reason, { operation, at, isOver: false });
    process.emitWarning(
      `${message}; until it answers, what needs the store is refused with 503`,
      'LatchkeyWarning',
      `LATCHKEY_STORE_${reason.toUpperCase()}`,
    );
  }

  let refused = 0;
  let timer: NodeJS.Timeout | undefined;

  function tellRefusals(operation: string): void {
    clearTimeout(timer);
    timer = undefined;
    if (refused === 0) return;
    events.emit('store.failed', { operation, reason: 'overload', count: refused });
    refused = 0;
    timer = setTimeout(() => tellRefusals(operation), REFUSALS_MS).unref();
  }

  return {
    failed(operation, failure) {
      if (failure.reason === 'overload') {
        refused += 1;
        if (timer === undefined) tellRefusals(operation);
      } else events.emit('store.failed', { operation, reason: failure.reason });
      // The application has closed the store itself.
      if (warns && failure.reason !== 'closed') warn(operation, failure);
    },
    answered(operation) {
      for (const warning of warnings.values())
        if (warning.operation === operation) warning.isOver = true;
    },
    close() {
      clearTimeout(timer);
    },
  };
}
