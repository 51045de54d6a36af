import type { Store } from 'latchkey';

export interface TwoOpen {
  /** One connection and the other in turn, as a check of the contract asks for them. They stay open after it. */
  readonly open: () => Promise<Store>;
  readonly close: () => Promise<void>;
}

/** Two connections for all checks of a contract: to open them anew takes longer than most checks. */
export function keepTwoOpen(open: () => Store | Promise<Store>): TwoOpen {
  const opened: Store[] = [];
  let turn = 0;
  return {
    async open() {
      const at = turn++ % 2;
      const store = (opened[at] ??= await open());
      return { ...store, close: async () => undefined };
    },
    async close() {
      for (const store of opened) await store.close();
    },
  };
}
