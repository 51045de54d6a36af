import type { RedisConnection } from './connection.js';
import { createChange, textsOf } from './scripts.js';
import type { InstanceStore } from '../store.js';

/** id, data, greatest age in milliseconds: returns id, data and age of each report in turn. */
const report = createChange(`
redis.call('HSET', KEYS[1], ARGV[4], string.format('%.0f ', clock) .. ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
local all = redis.call('HGETALL', KEYS[1])
local fresh = {}
for at = 1, #all, 2 do
  local space = string.find(all[at + 1], ' ', 1, true)
  local age = clock - tonumber(string.sub(all[at + 1], 1, space - 1))
  if age > tonumber(ARGV[6]) then
    redis.call('HDEL', KEYS[1], all[at])
  else
    table.insert(fresh, all[at])
    table.insert(fresh, string.sub(all[at + 1], space + 1))
    table.insert(fresh, string.format('%.0f', math.max(0, age)))
  end
end
return fresh`);

/** id */
const leave = createChange(`return redis.call('HDEL', KEYS[1], ARGV[4])`);

/** One small hash: as many fields as the application has instances. */
export function redisInstances({ begin, keyOf }: RedisConnection): InstanceStore {
  const key = keyOf('instances');
  return Object.freeze({
    async report({ id, data }, maxAgeMs) {
      const reply = textsOf(await begin()(report, key, id, data, maxAgeMs));
      return Array.from({ length: reply.length / 3 }, (_, at) => ({
        id: reply[at * 3] ?? '',
        data: reply[at * 3 + 1] ?? '',
        ageMs: Number(reply[at * 3 + 2]),
      }));
    },
    async leave(id) {
      await begin()(leave, key, id);
    },
  } satisfies InstanceStore);
}
