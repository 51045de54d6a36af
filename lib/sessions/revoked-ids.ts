/** Ids of sessions, each until a time of its own. Times in milliseconds since 1970. */
export interface RevokedIds {
  has(id: string): boolean;
  /** Adds an id. One that is known keeps its time. */
  add(id: string, until: number): void;
  /** Forgets ids whose time has come, the ones added first; those behind one that stays wait for it. Pauses now and then. */
  forget(now: number, pause: () => Promise<void>): Promise<void>;
}

/**
 * A power of two. A Map of a million entries takes a fifth of a second to grow, which nobody should have to wait for;
 * of 64 Maps each takes some milliseconds.
 */
const SHARDS = 64;

/** Creates the memory of revoked sessions: about eighty bytes an id. */
export function createRevokedIds(): RevokedIds {
  // Whole seconds, because V8 keeps small numbers in the table itself.
  const shards = Array.from({ length: SHARDS }, () => new Map<string, number>());
  const none = new Map<string, number>();

  function shardOf(id: string): Map<string, number> {
    // Ids are random text, so the first characters spread them.
    return shards[(id.charCodeAt(0) * 31 + id.charCodeAt(1)) & (SHARDS - 1)] ?? none;
  }

  return Object.freeze({
    has: (id: string) => shardOf(id).has(id),
    add(id: string, until: number): void {
      const shard = shardOf(id);
      if (!shard.has(id)) shard.set(id, Math.ceil(until / 1000));
    },
    async forget(now: number, pause: () => Promise<void>): Promise<void> {
      for (const shard of shards)
        while (forgetSome(shard, now / 1000)) {
          // oxlint-disable-next-line no-await-in-loop
          await pause();
        }
    },
  });
}

/** Few enough for less than a millisecond or two. */
const AT_ONCE = 2000;

/** Returns whether there may be more. */
function forgetSome(shard: Map<string, number>, seconds: number): boolean {
  let left = AT_ONCE;
  for (const [id, until] of shard) {
    if (until > seconds) return false;
    if (left === 0) return true;
    shard.delete(id);
    left -= 1;
  }
  return false;
}
