import type { Revocation, SessionStore } from '../store.js';

export interface RevocationLog {
  add(revocation: Omit<Revocation, 'position'>): void;
  since: SessionStore['revokedSince'];
  /** Forgets the revocation of a session, if there is one. */
  forget(id: string): void;
}

interface Entry extends Omit<Revocation, 'position'> {
  readonly position: number;
  /** The latest `revokedAt` up to here: times may go backwards, this does not. */
  readonly latest: number;
}

/** Revocations in the order of their calls, from which those of swept sessions go. */
export function createRevocationLog(): RevocationLog {
  let entries: Entry[] = [];
  const forgotten = new Set<string>();
  let last = 0;

  /** The index of the first entry for which a condition holds that holds for all later ones as well. */
  function firstWhere(holds: (entry: Entry) => boolean): number {
    let [from, to] = [0, entries.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const entry = entries[middle];
      if (entry && holds(entry)) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  function forgetEntries(): void {
    entries = entries.filter((entry) => !forgotten.has(entry.id));
    forgotten.clear();
  }

  return {
    add({ id, revokedAt }) {
      // Another session of the same id.
      if (forgotten.has(id)) forgetEntries();
      last += 1;
      const latest = Math.max(entries.at(-1)?.latest ?? revokedAt, revokedAt);
      entries.push({ id, revokedAt, position: last, latest });
    },
    async since(time, { after, limit = 1000 } = {}) {
      const start =
        after === undefined
          ? firstWhere(({ latest }) => latest >= time)
          : firstWhere(({ position }) => position > Number(after));
      const page: Revocation[] = [];
      for (let at = start; at < entries.length && page.length < limit; at += 1) {
        const entry = entries[at];
        if (!entry || forgotten.has(entry.id)) continue;
        const { id, revokedAt, position } = entry;
        if (after !== undefined || revokedAt >= time)
          page.push({ id, revokedAt, position: String(position) });
      }
      return page;
    },
    forget(id) {
      forgotten.add(id);
      // Now and then, so that each entry is moved a few times at most.
      if (forgotten.size > entries.length / 2) forgetEntries();
    },
  };
}
