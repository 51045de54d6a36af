import { AsyncLocalStorage } from 'node:async_hooks';

/** Values that hold while a function runs, and in what it awaits: one for each owner. */
export interface Context<Value> {
  of(owner: object): Value | undefined;
  run<Result>(owner: object, value: Value, work: () => Result): Result;
}

/** To be made once for all owners: in Node 20, each AsyncLocalStorage that was ever used slows down every promise of the process. */
export function createContext<Value>(): Context<Value> {
  const values = new AsyncLocalStorage<ReadonlyMap<object, Value>>();
  return {
    of: (owner) => values.getStore()?.get(owner),
    run: (owner, value, work) => values.run(new Map(values.getStore()).set(owner, value), work),
  };
}
