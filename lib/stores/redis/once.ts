import type { RedisConnection } from './connection.js';
import { createChange, textsOf } from './scripts.js';
import type { OnceStore } from '../store.js';

/** Entries expire in Redis a minute after their end: the server's clock need not be ours. */
const KEEP_MS = 60_000;

/** value, expiresAt, now, life */
const add = createChange(`
local expiresAt = redis.call('HGET', KEYS[1], 'expiresAt')
if expiresAt and tonumber(expiresAt) > tonumber(ARGV[6]) then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[4], 'expiresAt', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return 1`);

/** now */
const take = createChange(`
local row = redis.call('HMGET', KEYS[1], 'value', 'expiresAt')
redis.call('DEL', KEYS[1])
if not row[1] or tonumber(row[2]) <= tonumber(ARGV[4]) then return {} end
return {row[1]}`);

/** now, resetAt of a new window, amount, life of a new window */
const incr = createChange(`
local row = redis.call('HMGET', KEYS[1], 'count', 'resetAt')
local count, resetAt = 0, ARGV[5]
if row[1] and tonumber(row[2]) > tonumber(ARGV[4]) then
  count, resetAt = tonumber(row[1]), row[2]
end
if tonumber(ARGV[6]) == 0 then return {string.format('%.0f', count), resetAt} end
if resetAt == ARGV[5] then redis.call('DEL', KEYS[1]) end
count = string.format('%.0f', math.max(0, count + tonumber(ARGV[6])))
redis.call('HSET', KEYS[1], 'count', count, 'resetAt', resetAt)
if resetAt == ARGV[5] then redis.call('PEXPIRE', KEYS[1], ARGV[7]) end
return {count, resetAt}`);

const remove = createChange(`return redis.call('DEL', KEYS[1])`);

export function redisOnce({ begin, keyOf }: RedisConnection): OnceStore {
  const valueOf = (key: string): string => keyOf('once', key);
  const counterOf = (key: string): string => keyOf('count', key);
  return Object.freeze({
    async add(key, value, { now, expiresAt }) {
      const life = Math.max(0, expiresAt - now) + KEEP_MS;
      return Number(await begin()(add, valueOf(key), value, expiresAt, now, life)) === 1;
    },
    take: async (key, now) => textsOf(await begin()(take, valueOf(key), now))[0],
    async incr(key, { now, windowMs, amount = 1 }) {
      const reply = await begin()(
        incr,
        counterOf(key),
        now,
        now + windowMs,
        amount,
        windowMs + KEEP_MS,
      );
      const [count, resetAt] = textsOf(reply);
      return { count: Number(count), resetAt: Number(resetAt) };
    },
    async del(key) {
      const change = begin();
      await Promise.all([change(remove, valueOf(key)), change(remove, counterOf(key))]);
    },
    // Entries expire by themselves.
    sweep: async () => 0,
  } satisfies OnceStore);
}
