import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { completeStore } from './complete-store.js';
import { PATIENCE_MS, type Store, type UserStore } from './store.js';
import { createFailureLog } from './failure-log.js';
import { explainFailure } from './store-failure.js';
import { connected, createTurns } from './turns.js';
import { abilitiesOf, type Around, wrapStore } from './wrap-store.js';

export interface SteadyStoreOptions {
  readonly events: EventSink;
  /** The application's own user table, in place of the store's. */
  readonly userStore?: UserStore | undefined;
  /** Milliseconds that one operation may take. @defaultValue a second more than {@link PATIENCE_MS} */
  readonly timeoutMs?: number;
  /** Whether the console is told why the store fails, once. @defaultValue `true` */
  readonly warns?: boolean;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number;
  /**
   * Told of every operation that the store has answered, with the time when it was called. Not while the application's own user
   * table, or the store beside it, has failed and not answered again.
   */
  readonly onAnswer?: (startedAt: number) => void;
  /** Told of every operation that has failed, with the time when it was called. */
  readonly onFailure?: (startedAt: number) => void;
}

/** Seconds after which a client may try again. With the patience, well under the grace of a refresh token. */
const RETRY_AFTER_SECONDS = 2;

/**
 * Makes every failure of a store the same: what it throws, rejects with, or doesn't answer in time becomes
 * STORE_UNAVAILABLE (503) and the event `store.failed`. Every operation can be repeated. Throws a TypeError for a store that
 * lacks operations of the contract.
 */
export function steadyStore(given: Store, options: SteadyStoreOptions): Store {
  const { events, userStore, timeoutMs = PATIENCE_MS + 1000, now = Date.now } = options;
  const store = completeStore(given, userStore);
  const turns = createTurns(store, timeoutMs);
  const log = createFailureLog({ events, now, warns: options.warns ?? true });
  const failing = new Set<'store' | 'users'>();

  const around: Around = async (operation, run) => {
    const startedAt = now();
    const owner = userStore && operation.startsWith('users.') ? 'users' : 'store';
    try {
      const result = await turns.within(() => run(store));
      log.answered(operation);
      failing.delete(owner);
      if (failing.size === 0) options.onAnswer?.(startedAt);
      return result;
    } catch (cause) {
      if (cause instanceof AuthError) throw cause;
      failing.add(owner);
      throw failed(operation, { startedAt, cause });
    }
  };

  function failed(
    operation: string,
    { startedAt, cause }: { readonly startedAt: number; readonly cause: unknown },
  ): AuthError {
    options.onFailure?.(startedAt);
    const failure = explainFailure(cause, undefined);
    log.failed(operation, failure);
    return new AuthError('STORE_UNAVAILABLE', {
      reason: failure.reason,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      cause: failure,
    });
  }

  /** Only the wait for the connection is an operation here; what is done on it are operations of their own. */
  async function together<Result>(run: () => Promise<Result>): Promise<Result> {
    const startedAt = now();
    return connected(
      (onOneConnection) => turns.together(onOneConnection),
      run,
      (cause) => (cause instanceof AuthError ? cause : failed('together', { startedAt, cause })),
    );
  }

  const { onRevoked } = store.sessions;
  const wrapped = wrapStore(around, { ...abilitiesOf(store), together: false });
  return Object.freeze({
    ...wrapped,
    sessions: Object.freeze({ ...wrapped.sessions, ...(onRevoked && { onRevoked }) }),
    together,
    close: () => store.close(),
  });
}
