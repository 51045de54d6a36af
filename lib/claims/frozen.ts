import { inspect } from 'node:util';

/** Freezes a tree of plain objects and lists. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

/**
 * A set that cannot be changed, not even through `Set.prototype`. A class against the house rule of plain objects:
 * methods of its own would take ten times the memory of a few scopes.
 */
class FrozenSet implements ReadonlySet<string> {
  readonly #set: ReadonlySet<string>;

  constructor(values: Iterable<string>) {
    this.#set = new Set(values);
    Object.freeze(this);
  }

  get size(): number {
    return this.#set.size;
  }

  has(value: string): boolean {
    return this.#set.has(value);
  }

  keys(): SetIterator<string> {
    return this.#set.keys();
  }

  values(): SetIterator<string> {
    return this.#set.values();
  }

  entries(): SetIterator<[string, string]> {
    return this.#set.entries();
  }

  forEach(
    callback: (value: string, key: string, set: ReadonlySet<string>) => void,
    thisArg?: unknown,
  ): void {
    for (const value of this.#set) callback.call(thisArg, value, value, this);
  }

  [Symbol.iterator](): SetIterator<string> {
    return this.#set.values();
  }

  toJSON(): string[] {
    return [...this.#set];
  }

  /** Prints as the set it is. A copy: a printer must not get hold of the set. */
  [inspect.custom](): Set<string> {
    return new Set(this.#set);
  }
}

export function createReadonlySet(values: Iterable<string>): ReadonlySet<string> {
  return new FrozenSet(values);
}
