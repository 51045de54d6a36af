import { inspect } from 'node:util';

/** Freezes a tree of plain objects and lists. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

/** A set that nobody can change, not even through `Set.prototype`. */
export function createReadonlySet(values: Iterable<string>): ReadonlySet<string> {
  const set = new Set(values);
  const readonlySet: ReadonlySet<string> & {
    toJSON(): string[];
    [inspect.custom](): Set<string>;
  } = {
    size: set.size,
    has: (value) => set.has(value),
    keys: () => set.keys(),
    values: () => set.values(),
    entries: () => set.entries(),
    forEach: (callback, thisArg) => {
      for (const value of set) callback.call(thisArg, value, value, readonlySet);
    },
    [Symbol.iterator]: () => set.values(),
    toJSON: () => [...set],
    // Prints as the set it is. A copy: whoever prints must not get hold of it.
    [inspect.custom]: () => new Set(set),
  };
  return Object.freeze(readonlySet);
}
