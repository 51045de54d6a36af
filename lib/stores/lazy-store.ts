import type { Store } from './store.js';
import { StoreFailure } from './failures/store-failure.js';
import { connected } from './steady/turns.js';
import { type Abilities, wrapStore } from './wrap-store.js';

/**
 * Opens a store at its first use, and again at the next one when that failed. `abilities` are those it will have; `explain`
 * puts a driver's errors into words.
 */
export function lazyStore(
  open: () => Promise<Store>,
  abilities: Abilities = none,
  explain: (error: unknown) => unknown = (error) => error,
): Store {
  let opening: Promise<Store> | undefined;
  let isClosed = false;
  let closing: Promise<void> | undefined;

  function opened(): Promise<Store> {
    if (isClosed) return Promise.reject(new StoreFailure('closed', 'the store has been closed'));
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  async function whenOpen<Result>(run: (store: Store) => Promise<Result>): Promise<Result> {
    try {
      return await run(await opened());
    } catch (error) {
      throw explain(error);
    }
  }

  const together = <Result>(run: () => Promise<Result>): Promise<Result> =>
    connected(
      async (onOneConnection) => {
        const store = await opened();
        return store.together ? store.together(onOneConnection) : onOneConnection();
      },
      run,
      explain,
    );
  async function close(): Promise<void> {
    isClosed = true;
    // A store that is being opened is closed as soon as it is open.
    const store = await opening?.catch(() => undefined);
    await store?.close();
  }

  const wrapped = wrapStore(async (_operation, run) => whenOpen(run), {
    ...abilities,
    together: false,
  });
  return Object.freeze({
    ...wrapped,
    ...(abilities.together && { together }),
    sessions: Object.freeze({
      ...wrapped.sessions,
      ...(abilities.onRevoked && { onRevoked: listenWhenOpen(opened) }),
    }),
    close(): Promise<void> {
      closing ??= close();
      return closing;
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
