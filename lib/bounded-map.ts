import { numberInRange } from './known-options.js';

/** A map that holds at most as many entries as it was made for. */
export interface BoundedMap<Key, Value> {
  readonly size: number;
  get(key: Key): Value | undefined;
  /** Adds an entry as the newest, also where the key is known. The oldest one makes room when the map is full. */
  set(key: Key, value: Value): void;
  /** Returns whether there was such an entry. */
  delete(key: Key): boolean;
  clear(): void;
  /** Oldest first. */
  values(): IterableIterator<Value>;
}

/** As many entries as a Map of V8 can hold, rounded down. */
const MAX_CAPACITY = 16_000_000;

/**
 * Creates a map for what outsiders can make us remember. The oldest entry goes first, however often it is
 * read: reading writes nothing. Throws a TypeError unless `capacity` is a whole number from 1 to 16,000,000.
 *
 * @example
 * const answers = createBoundedMap<string, number>(10_000);
 * answers.set('a', 1);
 */
export function createBoundedMap<Key, Value>(capacity: number): BoundedMap<Key, Value> {
  if (!Number.isInteger(numberInRange(capacity, [1, MAX_CAPACITY], 'capacity')))
    throw new TypeError('`capacity` is a whole number');
  const entries = new Map<Key, Value>();
  // A new iterator passes over every deleted place before the first entry: 36 µs an eviction at 100,000
  // entries, where one that is kept takes 0.2. Kept no longer than the oldest entries leave in order, for
  // it would hold every table that the map outgrows meanwhile.
  let oldestFirst: IterableIterator<Key> | undefined;

  function remove(key: Key): boolean {
    oldestFirst = undefined;
    return entries.delete(key);
  }

  return {
    get size() {
      return entries.size;
    },
    get: (key) => entries.get(key),
    set(key, value) {
      if (entries.has(key)) remove(key);
      else if (entries.size === capacity) {
        oldestFirst ??= entries.keys();
        const { done, value: oldest } = oldestFirst.next();
        if (!done) entries.delete(oldest);
      }
      entries.set(key, value);
    },
    delete: remove,
    clear() {
      oldestFirst = undefined;
      entries.clear();
    },
    values: () => entries.values(),
  };
}
