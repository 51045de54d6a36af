import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { PATIENCE_MS, type Store } from './store.js';
import { abilitiesOf, wrapStore } from './wrap-store.js';

export interface SteadyStoreOptions {
  readonly events: EventSink;
  /** Milliseconds that one operation may take. @defaultValue a second more than {@link PATIENCE_MS} */
  readonly timeoutMs?: number;
}

/**
 * Makes every failure of a store the same: what it throws, rejects with, or doesn't answer in time becomes
 * STORE_UNAVAILABLE (503) and the event `store.failed`. A statement that was under way may still take effect; every
 * operation can be repeated.
 */
export function steadyStore(
  store: Store,
  { events, timeoutMs = PATIENCE_MS + 1000 }: SteadyStoreOptions,
): Store {
  const abilities = abilitiesOf(store);
  const wrapped = wrapStore(async (operation, run) => {
    try {
      return await within(timeoutMs, () => run(store));
    } catch (cause) {
      if (cause instanceof AuthError) throw cause;
      const reason = cause === tooSlow ? 'timeout' : 'error';
      events.emit('store.failed', { operation, reason });
      throw new AuthError('STORE_UNAVAILABLE', { reason: 'store', cause });
    }
  }, abilities);
  const { onRevoked } = store.sessions;
  return Object.freeze({
    ...wrapped,
    sessions: Object.freeze({ ...wrapped.sessions, ...(onRevoked && { onRevoked }) }),
    close: () => store.close(),
  });
}

const tooSlow = new Error('the store did not answer in time');

async function within<Result>(timeoutMs: number, run: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tooSlow), timeoutMs);
    timer.unref();
  });
  try {
    return await Promise.race([run(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
