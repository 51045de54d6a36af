import { createHash } from 'node:crypto';
import type { Change, RedisConnection } from './connection.js';
import { createChange, textsOf } from './scripts.js';

/** Keys that the ids of everything of a kind are spread over. */
const SHARDS = 16;

/** id */
const add = createChange(`return redis.call('ZADD', KEYS[1], 0, ARGV[4])`);
/** id */
const remove = createChange(`return redis.call('ZREM', KEYS[1], ARGV[4])`);

export interface IdList {
  readonly add: (change: Change, id: string) => Promise<void>;
  readonly remove: (id: string) => Promise<void>;
  /** Ids in the order of code units; fewer than `limit` at the end. */
  readonly page: (after: string | undefined, limit: number) => Promise<readonly string[]>;
}

export function shardsOf({ keyOf }: RedisConnection, kind: string): readonly string[] {
  return Array.from({ length: SHARDS }, (_, shard) => keyOf(kind, String(shard)));
}

/** Ids in the order of their code units, spread over these keys. */
export function idList({ send, begin }: RedisConnection, keys: readonly string[]): IdList {
  const keyOfId = (id: string): string =>
    keys[createHash('sha256').update(id).digest().readUInt8() % keys.length] ?? '';

  async function read(key: string, after: string | undefined, limit: number): Promise<string[]> {
    const from = pageStart(after);
    const members = await send('ZRANGE', key, from, '+', 'BYLEX', 'LIMIT', 0, limit);
    return textsOf(members).map(toId);
  }

  return {
    async add(change, id) {
      await change(add, keyOfId(id), toMember(id));
    },
    async remove(id) {
      await begin()(remove, keyOfId(id), toMember(id));
    },
    async page(after, limit) {
      const parts = await Promise.all(keys.map((key) => read(key, after, limit)));
      return mergeIds(parts.flat(), limit);
    },
  };
}

export function mergeIds(ids: readonly string[], limit: number): readonly string[] {
  return [...new Set(ids)].toSorted((a, b) => (a < b ? -1 : Number(a > b))).slice(0, limit);
}

/** Where a page begins, for ZRANGE BYLEX. */
export function pageStart(after: string | undefined): string {
  return after === undefined ? '-' : `(${toMember(after)}`;
}

/** Sorts after every other character in UTF-8. */
const LAST = '\u{10FFFD}';

/**
 * Redis compares bytes of UTF-8, where U+E000 to U+FFFF come before the characters beyond; by code unit they come after
 * them. So each gets the last of all characters before it.
 */
export function toMember(id: string): string {
  return id.replace(/[\uE000-\uFFFF]|\u{10FFFD}/gu, `${LAST}$&`);
}

export function toId(member: string): string {
  return member.replace(/\u{10FFFD}([\uE000-\uFFFF]|\u{10FFFD})/gu, '$1');
}
