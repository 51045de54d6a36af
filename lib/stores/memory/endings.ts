/** What ends, the earliest first. */
export interface Endings {
  add(key: string, end: number): void;
  /** Removes and returns the earliest that ended at or before a moment, if there is one. */
  take(before: number): string | undefined;
}

interface Ending {
  readonly key: string;
  readonly end: number;
}

/**
 * A binary heap. Nothing is taken out when a row is deleted or lives longer: whoever takes a key looks at its row, and adds it
 * again when that has not ended yet.
 */
export function createEndings(): Endings {
  const heap: Ending[] = [];

  const endAt = (index: number): number => heap[index]?.end ?? Infinity;

  function swap(one: number, other: number): void {
    const [first, second] = [heap[one], heap[other]];
    if (first && second) [heap[one], heap[other]] = [second, first];
  }

  function rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (endAt(parent) <= endAt(at)) return;
      swap(at, parent);
      at = parent;
    }
  }

  function sink(): void {
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const earlier = endAt(left + 1) < endAt(left) ? left + 1 : left;
      if (endAt(at) <= endAt(earlier)) return;
      swap(at, earlier);
      at = earlier;
    }
  }

  return {
    add(key, end) {
      heap.push({ key, end });
      rise(heap.length - 1);
    },
    take(before) {
      if (endAt(0) > before) return undefined;
      swap(0, heap.length - 1);
      const earliest = heap.pop();
      sink();
      return earliest?.key;
    },
  };
}
