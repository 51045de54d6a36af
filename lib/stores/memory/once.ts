import { createEndings } from './endings.js';
import type { Count, OnceStore } from '../store.js';

interface Entry<Value> {
  readonly value: Value;
  readonly expiresAt: number;
}

interface Entries<Value> {
  live(key: string, now: number): Entry<Value> | undefined;
  set(key: string, entry: Entry<Value>): void;
  delete(key: string): void;
  /** Deletes up to `limit` that ended at or before a moment, and returns how many. */
  sweep(before: number, limit: number): number;
}

export function memoryOnce(): OnceStore {
  const values = createEntries<string>();
  const counters = createEntries<number>();

  return Object.freeze({
    async add(key, value, { now, expiresAt }) {
      if (values.live(key, now)) return false;
      values.set(key, { value, expiresAt });
      return true;
    },
    async take(key, now) {
      const entry = values.live(key, now);
      values.delete(key);
      return entry?.value;
    },
    async incr(key, { now, windowMs, amount = 1 }): Promise<Count> {
      const { value = 0, expiresAt = now + windowMs } = counters.live(key, now) ?? {};
      const count = Math.max(0, value + amount);
      if (amount !== 0) counters.set(key, { value: count, expiresAt });
      return { count, resetAt: expiresAt };
    },
    async del(key) {
      values.delete(key);
      counters.delete(key);
    },
    async sweep(before, limit = 1000) {
      const swept = values.sweep(before, limit);
      return swept + counters.sweep(before, limit - swept);
    },
  } satisfies OnceStore);
}

function createEntries<Value>(): Entries<Value> {
  const entries = new Map<string, Entry<Value>>();
  const endings = createEndings();

  return {
    live(key, now) {
      const entry = entries.get(key);
      return entry && now < entry.expiresAt ? entry : undefined;
    },
    set(key, entry) {
      if (entries.get(key)?.expiresAt !== entry.expiresAt) endings.add(key, entry.expiresAt);
      entries.set(key, entry);
    },
    delete: (key) => void entries.delete(key),
    sweep(before, limit) {
      let swept = 0;
      while (swept < limit) {
        const key = endings.take(before);
        if (key === undefined) break;
        // One that was replaced has an ending of its own.
        const { expiresAt = Infinity } = entries.get(key) ?? {};
        if (expiresAt <= before && entries.delete(key)) swept += 1;
      }
      return swept;
    },
  };
}
