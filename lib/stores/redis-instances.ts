import { createScript, type RedisConnection, textsOf } from './redis-connection.js';
import type { InstanceStore } from './store.js';

/** id, data, greatest age in milliseconds: returns id, data and age of each report in turn. */
const report = createScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f ', now) .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local all = redis.call('HGETALL', KEYS[1])
local fresh = {}
for at = 1, #all, 2 do
  local space = string.find(all[at + 1], ' ', 1, true)
  local age = now - tonumber(string.sub(all[at + 1], 1, space - 1))
  if age > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], all[at])
  else
    table.insert(fresh, all[at])
    table.insert(fresh, string.sub(all[at + 1], space + 1))
    table.insert(fresh, string.format('%.0f', math.max(0, age)))
  end
end
return fresh`);

/** One small hash: as many fields as the application has instances. */
export function redisInstances({ run, send, keyOf }: RedisConnection): InstanceStore {
  const key = keyOf('instances');
  return Object.freeze({
    async report({ id, data }, maxAgeMs) {
      const reply = textsOf(await run(report, key, id, data, maxAgeMs));
      return Array.from({ length: reply.length / 3 }, (_, at) => ({
        id: reply[at * 3] ?? '',
        data: reply[at * 3 + 1] ?? '',
        ageMs: Number(reply[at * 3 + 2]),
      }));
    },
    async leave(id) {
      await send('HDEL', key, id);
    },
  } satisfies InstanceStore);
}
