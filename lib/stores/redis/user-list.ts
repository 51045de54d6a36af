import { createHash } from 'node:crypto';
import type { Change, RedisConnection } from './connection.js';
import { createChange, textsOf } from './scripts.js';

/** Keys that the ids of all users are spread over. */
const SHARDS = 16;

/** id */
const add = createChange(`return redis.call('ZADD', KEYS[1], 0, ARGV[4])`);
/** The same for releases 0.2 to 0.4, until they are gone: id */
const addOld = createChange(`
if isCompact then return 0 end
return redis.call('ZADD', KEYS[1], 0, ARGV[4])`);
/** id */
const remove = createChange(`return redis.call('ZREM', KEYS[1], ARGV[4])`);

export interface RedisUserList {
  readonly add: (change: Change, id: string) => Promise<void>;
  readonly remove: (id: string) => Promise<void>;
  /** Ids in the order of code units; fewer than `limit` at the end. */
  readonly page: (after: string | undefined, limit: number) => Promise<readonly string[]>;
}

/** The ids of all users, in the order of their code units. */
export function redisUserList({ keyOf, send, begin, schema }: RedisConnection): RedisUserList {
  const shards = Array.from({ length: SHARDS }, (_, shard) => keyOf('user-ids', String(shard)));
  const oldKey = keyOf('users');
  const keyOfId = (id: string): string =>
    shards[createHash('sha256').update(id).digest().readUInt8() % SHARDS] ?? '';

  async function read(key: string, after: string | undefined, limit: number): Promise<string[]> {
    const isOld = key === oldKey;
    const from = after === undefined ? '-' : `(${isOld ? after : toMember(after)}`;
    const ids = textsOf(await send('ZRANGE', key, from, '+', 'BYLEX', 'LIMIT', 0, limit));
    return isOld ? [...ids] : ids.map(toId);
  }

  return {
    async add(change, id) {
      await change(add, keyOfId(id), toMember(id));
      if (await schema.isMixed()) await change(addOld, oldKey, id);
    },
    async remove(id) {
      const change = begin();
      await change(remove, keyOfId(id), toMember(id));
      if (await schema.isMixed()) await change(remove, oldKey, id);
    },
    async page(after, limit) {
      const keys = (await schema.isMixed()) ? [...shards, oldKey] : shards;
      const parts = await Promise.all(keys.map((key) => read(key, after, limit)));
      return [...new Set(parts.flat())]
        .toSorted((a, b) => (a < b ? -1 : Number(a > b)))
        .slice(0, limit);
    },
  };
}

/** Sorts after every other character in UTF-8. */
const LAST = '\u{10FFFD}';

/**
 * Redis compares bytes of UTF-8, where U+E000 to U+FFFF come before the characters beyond; by code unit they come after
 * them. So each gets the last of all characters before it.
 */
function toMember(id: string): string {
  return id.replace(/[\uE000-\uFFFF]|\u{10FFFD}/gu, `${LAST}$&`);
}

function toId(member: string): string {
  return member.replace(/\u{10FFFD}([\uE000-\uFFFF]|\u{10FFFD})/gu, '$1');
}
