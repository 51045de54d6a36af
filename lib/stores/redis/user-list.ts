import type { RedisConnection } from './connection.js';
import { idList, type IdList, mergeIds, shardsOf } from './id-list.js';
import { createChange, textsOf } from './scripts.js';

/** For releases 0.2 to 0.4, until they are gone: id */
const addOld = createChange(`
if isCompact then return 0 end
return redis.call('ZADD', KEYS[1], 0, ARGV[4])`);
/** id */
const removeOld = createChange(`return redis.call('ZREM', KEYS[1], ARGV[4])`);

/** The ids of all users. */
export function redisUserList(connection: RedisConnection): IdList {
  const { keyOf, send, begin, schema } = connection;
  const list = idList(connection, shardsOf(connection, 'user-ids'));
  const oldKey = keyOf('users');

  async function readOld(after: string | undefined, limit: number): Promise<readonly string[]> {
    const from = after === undefined ? '-' : `(${after}`;
    return textsOf(await send('ZRANGE', oldKey, from, '+', 'BYLEX', 'LIMIT', 0, limit));
  }

  return {
    async add(change, id) {
      await list.add(change, id);
      if (await schema.isMixed()) await change(addOld, oldKey, id);
    },
    async remove(id) {
      await list.remove(id);
      if (await schema.isMixed()) await begin()(removeOld, oldKey, id);
    },
    async page(after, limit) {
      if (!(await schema.isMixed())) return list.page(after, limit);
      const parts = await Promise.all([list.page(after, limit), readOld(after, limit)]);
      return mergeIds(parts.flat(), limit);
    },
  };
}
