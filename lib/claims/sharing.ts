import { type BoundedMap, createBoundedMap } from '../bounded-map.js';
import type { SharedCosts } from './memory-cost.js';

/** What remembered tokens of one issuer have in common, kept once. */
export interface SharedMemory extends SharedCosts {
  /** Prepares a table of values by their text. */
  readonly createTable: <Value>() => SharingTable<Value>;
}

/**
 * Returns the shared value for a text, made where there is none. A long text's value is made anew each time: few tokens
 * have it in common.
 */
type SharingTable<Value> = (text: string, make: () => Value) => Value;

/** Longest text whose value is shared. Its value takes 5 kB at most, whatever it holds. */
const MAX_TEXT = 256;
const MAX_KNOWN_TEXT = 512;
const MAX_ENTRIES = 1000;
const MIN_ENTRIES = 16;
const KNOWN_TEXTS_PER_ENTRY = 4;
/** Part of the cache's bytes for each entry of a table: the tables of an issuer take an eighth of them at most. */
const BYTES_PER_ENTRY = 200_000;
/** What tokens share is theirs together, and no token's, until it has taken this much or an eighth of the cache. */
const MAX_FREE_BYTES = 1_048_576;

/** Prepares the tables of an issuer whose verified tokens may take `maxBytes`. With 0 nothing is shared. */
export function createSharedMemory(maxBytes: number): SharedMemory {
  if (maxBytes === 0) return unshared;
  const wanted = Math.ceil(maxBytes / BYTES_PER_ENTRY);
  const capacity = Math.max(MIN_ENTRIES, Math.min(MAX_ENTRIES, wanted));
  const known: BoundedMap<string, true> = createBoundedMap(capacity * KNOWN_TEXTS_PER_ENTRY);
  let freeBytes = Math.min(MAX_FREE_BYTES, maxBytes / 8);
  return {
    createTable: <Value>() => createTable<Value>(capacity),
    isNewText(text) {
      if (text.length > MAX_KNOWN_TEXT) return true;
      if (known.get(text)) return false;
      known.set(text, true);
      return true;
    },
    charge(bytes) {
      if (bytes > freeBytes) return bytes;
      freeBytes -= bytes;
      return 0;
    },
  };
}

function createTable<Value>(capacity: number): SharingTable<Value> {
  const values = createBoundedMap<string, { readonly value: Value }>(capacity);
  return (text, make) => {
    if (text.length > MAX_TEXT) return make();
    const found = values.get(text);
    if (found) return found.value;
    const value = make();
    values.set(text, { value });
    return value;
  };
}

/** For tokens that are not remembered. */
const unshared: SharedMemory = {
  createTable: () => (_text, make) => make(),
  isNewText: () => true,
  charge: (bytes) => bytes,
};
