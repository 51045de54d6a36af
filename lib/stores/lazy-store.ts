import type { Store } from './store.js';
import { wrapStore } from './wrap-store.js';

/** Opens a store at its first use, and again at the next one when that failed. */
export function lazyStore(open: () => Promise<Store>): Store {
  let opening: Promise<Store> | undefined;
  let isClosed = false;

  function opened(): Promise<Store> {
    if (isClosed) return Promise.reject(new Error('the store has been closed'));
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  return Object.freeze({
    ...wrapStore(async (_operation, run) => run(await opened())),
    async close(): Promise<void> {
      isClosed = true;
      // A store that is being opened is closed as soon as it is open.
      const store = await opening?.catch(() => undefined);
      await store?.close();
    },
  });
}
