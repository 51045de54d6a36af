import { createContext } from '../context.js';
import type { Store } from '../store.js';
import { StoreFailure } from '../failures/store-failure.js';

/** Gives operations their time. Those that share a connection share the time that they may take. */
export interface Turns {
  /** Whether this is part of operations that run together. */
  isTogether(): boolean;
  /** Runs one operation. Rejects with a {@link StoreFailure} when it takes longer than it may. */
  within<Result>(run: () => Promise<Result>): Promise<Result>;
  /** Runs operations on one connection, if the store has several. Rejects with a {@link StoreFailure} when none is free in time. */
  together<Result>(run: () => Promise<Result>): Promise<Result>;
}

interface Turn {
  /** By `performance.now()`; undefined where each operation waits for a connection of its own. */
  readonly deadline: number | undefined;
  /** Work that goes on afterwards, such as a timer, is still in the context of the turn, but no part of it. */
  isOver: boolean;
}

const turns = createContext<Turn>();

const tooSlow = new StoreFailure('timeout', 'the store did not answer in time');

export function createTurns(store: Store, timeoutMs: number): Turns {
  const owner = {};

  function current(): Turn | undefined {
    const turn = turns.of(owner);
    return turn?.isOver ? undefined : turn;
  }

  async function take<Result>(
    deadline: number | undefined,
    run: () => Promise<Result>,
  ): Promise<Result> {
    const turn = { deadline, isOver: false };
    try {
      return await turns.run(owner, turn, run);
    } finally {
      turn.isOver = true;
    }
  }

  return {
    isTogether: () => current() !== undefined,
    within(run) {
      const deadline = current()?.deadline;
      return limited(deadline === undefined ? timeoutMs : deadline - performance.now(), run);
    },
    async together(run) {
      if (current()) return run();
      if (!store.together) return take(undefined, run);
      const deadline = performance.now() + timeoutMs;
      const onOneConnection = store.together.bind(store);
      return limited(timeoutMs, (stopTimer) =>
        onOneConnection(async () => {
          // The caller has given up, and has told its client that nothing was changed.
          if (!stopTimer()) throw tooSlow;
          return take(deadline, run);
        }),
      );
    },
  };
}

/** `run` gets a function that stops the timer, and tells whether it was in time. */
async function limited<Result>(
  timeoutMs: number,
  run: (stopTimer: () => boolean) => Promise<Result>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(tooSlow);
    }, timeoutMs);
    timer.unref();
  });
  const stopTimer = (): boolean => {
    clearTimeout(timer);
    return !isLate;
  };
  try {
    return await Promise.race([run(stopTimer), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs operations together. `explain` is asked for the error when there was no connection for them; what is thrown on one stays
 * as it is.
 */
export async function connected<Result>(
  together: NonNullable<Store['together']>,
  run: () => Promise<Result>,
  explain: (cause: unknown) => unknown,
): Promise<Result> {
  let isConnected = false;
  try {
    return await together(() => {
      isConnected = true;
      return run();
    });
  } catch (cause) {
    throw isConnected ? cause : explain(cause);
  }
}
