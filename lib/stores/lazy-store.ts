import type { Store } from './store.js';
import { type Abilities, wrapStore } from './wrap-store.js';

/** Opens a store at its first use, and again at the next one when that failed. `abilities` are those it will have. */
export function lazyStore(open: () => Promise<Store>, abilities: Abilities = none): Store {
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

  const wrapped = wrapStore(async (_operation, run) => run(await opened()), abilities);
  return Object.freeze({
    ...wrapped,
    sessions: Object.freeze({
      ...wrapped.sessions,
      ...(abilities.onRevoked && { onRevoked: listenWhenOpen(opened) }),
    }),
    async close(): Promise<void> {
      isClosed = true;
      // A store that is being opened is closed as soon as it is open.
      const store = await opening?.catch(() => undefined);
      await store?.close();
    },
  });
}

const none: Abilities = { together: false, onRevoked: false, joined: false };

function listenWhenOpen(opened: () => Promise<Store>): NonNullable<Store['sessions']['onRevoked']> {
  return (listener) => {
    let isEnded = false;
    let stop: (() => void) | undefined;
    opened().then(
      ({ sessions }) => {
        if (!isEnded) stop = sessions.onRevoked?.(listener);
      },
      // Whoever waits for revocations looks for them as well, which opens the store again.
      () => undefined,
    );
    return () => {
      isEnded = true;
      stop?.();
    };
  };
}
