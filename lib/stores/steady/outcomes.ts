import { AuthError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import { createFailureLog } from '../failures/failure-log.js';
import { explainFailure } from '../failures/store-failure.js';

/** What becomes of operations: who is told, and what a failed one rejects with. */
export interface Outcomes {
  answered(operation: string, startedAt: number): void;
  /** Returns the 503. */
  failed(operation: string, failure: Failure): AuthError;
  close(): void;
}

interface Failure {
  readonly startedAt: number;
  /** What the store threw. */
  readonly cause: unknown;
}

export interface OutcomeOptions {
  readonly events: EventSink;
  /** Whether the console is told why the store fails, once. @defaultValue `true` */
  readonly warns?: boolean;
  /** Told of every operation that the store has answered, with the time when it was called. Not while operations are refused for overload. */
  readonly onAnswer?: (startedAt: number, operation: string) => void;
  /** Told of every operation that has failed, with the time when it was called. */
  readonly onFailure?: (startedAt: number, operation: string) => void;
}

/** Seconds after which a client may try again. With the patience, well under the grace of a refresh token. */
const RETRY_AFTER_SECONDS = 2;

export function createOutcomes(
  { events, warns = true, onAnswer, onFailure }: OutcomeOptions,
  now: () => number,
): Outcomes {
  const log = createFailureLog({ events, warns, now });
  let refusingUntil = 0;

  return {
    answered(operation, startedAt) {
      log.answered(operation);
      if (performance.now() >= refusingUntil) onAnswer?.(startedAt, operation);
    },
    failed(operation, { startedAt, cause }) {
      const failure = explainFailure(cause, undefined);
      // A request that was refused says nothing of a store that answers others.
      if (failure.reason === 'overload')
        refusingUntil = performance.now() + RETRY_AFTER_SECONDS * 1000;
      onFailure?.(startedAt, operation);
      log.failed(operation, failure);
      return new AuthError('STORE_UNAVAILABLE', {
        reason: failure.reason,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
        cause: failure,
      });
    },
    close: () => log.close(),
  };
}
