import { AuthError } from '../../errors.js';
import { createAdmission, isAttempt, mayBeRefused } from './admission.js';
import { completeStore } from '../complete-store.js';
import { createOutcomes, type OutcomeOptions } from './outcomes.js';
import { type CountOptions, PATIENCE_MS, type Store, type UserStore } from '../store.js';
import { connected, createTurns } from './turns.js';
import { abilitiesOf, type Around, wrapStore } from '../wrap-store.js';

export interface SteadyStoreOptions extends OutcomeOptions {
  /** The application's own user table, in place of the store's. */
  readonly userStore?: UserStore | undefined;
  /** Milliseconds that one operation may take. @defaultValue a second more than {@link PATIENCE_MS} */
  readonly timeoutMs?: number;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number;
}

/**
 * Makes every failure of a store the same: what it throws, rejects with, or doesn't answer in time becomes
 * STORE_UNAVAILABLE (503) and the event `store.failed`. So does, at once, what it most likely could not answer in time. Every
 * operation can be repeated. Throws a TypeError for a store that lacks operations of the contract.
 */
export function steadyStore(given: Store, options: SteadyStoreOptions): Store {
  const store = completeStore(given, options.userStore);
  const { around, admitted, together, outcomes } = createRunner(store, options);
  const { onRevoked } = store.sessions;
  const wrapped = wrapStore(around, { ...abilitiesOf(store), together: false });
  const { once } = wrapped;
  return Object.freeze({
    ...wrapped,
    sessions: Object.freeze({ ...wrapped.sessions, ...(onRevoked && { onRevoked }) }),
    once: Object.freeze({
      ...once,
      incr(key: string, count: CountOptions) {
        // A name of its own: that counts can be read doesn't say that they can be changed.
        if (count.amount === 0) return around('once.read', (inner) => inner.once.incr(key, count));
        return isAttempt(key, count)
          ? admitted('once.incr', () => once.incr(key, count))
          : once.incr(key, count);
      },
    }),
    together,
    close() {
      outcomes.close();
      return store.close();
    },
  });
}

function createRunner(store: Store, options: SteadyStoreOptions) {
  const { timeoutMs = PATIENCE_MS + 1000, now = Date.now } = options;
  const turns = createTurns(store, timeoutMs);
  const admission = createAdmission();
  const outcomes = createOutcomes(options, now);

  async function perform<Result>(operation: string, run: () => Promise<Result>): Promise<Result> {
    const startedAt = now();
    try {
      const result = await turns.within(run);
      outcomes.answered(operation, startedAt);
      return result;
    } catch (cause) {
      throw cause instanceof AuthError ? cause : outcomes.failed(operation, { startedAt, cause });
    }
  }

  /** For operations that requests begin with. What belongs to a request that has begun is not refused. */
  async function admitted<Result>(operation: string, run: () => Promise<Result>): Promise<Result> {
    if (turns.isTogether()) return run();
    const refusal = admission.begin(operation);
    if (refusal) throw outcomes.failed(operation, { startedAt: now(), cause: refusal });
    let isAnswered = true;
    try {
      return await run();
    } catch (error) {
      isAnswered = !(error instanceof AuthError) || error.code !== 'STORE_UNAVAILABLE';
      throw error;
    } finally {
      admission.end(operation, isAnswered);
    }
  }

  const around: Around = (operation, run) => {
    const performed = (): ReturnType<typeof run> => perform(operation, () => run(store));
    return mayBeRefused(operation) ? admitted(operation, performed) : performed();
  };

  /** Only the wait for the connection is an operation here; what is done on it are operations of their own. */
  async function together<Result>(run: () => Promise<Result>): Promise<Result> {
    const startedAt = now();
    const explain = (cause: unknown): unknown =>
      cause instanceof AuthError ? cause : outcomes.failed('together', { startedAt, cause });
    return admitted('together', () =>
      connected((onOneConnection) => turns.together(onOneConnection), run, explain),
    );
  }

  return { around, admitted, together, outcomes };
}
