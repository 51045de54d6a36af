import { createScript, type RedisConnection, textsOf } from './redis-connection.js';
import type { OnceStore } from './store.js';

/** Entries expire in Redis a minute after their end: the server's clock need not be ours. */
const KEEP_MS = 60_000;

/** value, expiresAt, now, life */
const add = createScript(`
local expiresAt = redis.call('HGET', KEYS[1], 'expiresAt')
if expiresAt and tonumber(expiresAt) > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'expiresAt', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`);

/** now */
const take = createScript(`
local row = redis.call('HMGET', KEYS[1], 'value', 'expiresAt')
redis.call('DEL', KEYS[1])
if not row[1] or tonumber(row[2]) <= tonumber(ARGV[1]) then return {} end
return {row[1]}`);

/** now, resetAt of a new window, amount, life of a new window */
const incr = createScript(`
local row = redis.call('HMGET', KEYS[1], 'count', 'resetAt')
local count, resetAt = 0, ARGV[2]
if row[1] and tonumber(row[2]) > tonumber(ARGV[1]) then
  count, resetAt = tonumber(row[1]), row[2]
else
  redis.call('DEL', KEYS[1])
end
count = string.format('%.0f', math.max(0, count + tonumber(ARGV[3])))
redis.call('HSET', KEYS[1], 'count', count, 'resetAt', resetAt)
if resetAt == ARGV[2] then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return {count, resetAt}`);

export function redisOnce({ run, send, keyOf }: RedisConnection): OnceStore {
  const valueOf = (key: string): string => keyOf('once', key);
  const counterOf = (key: string): string => keyOf('count', key);
  return Object.freeze({
    async add(key, value, { now, expiresAt }) {
      const life = Math.max(0, expiresAt - now) + KEEP_MS;
      return Number(await run(add, valueOf(key), value, expiresAt, now, life)) === 1;
    },
    take: async (key, now) => textsOf(await run(take, valueOf(key), now))[0],
    async incr(key, { now, windowMs, amount = 1 }) {
      const reply = await run(
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
      await Promise.all([send('DEL', valueOf(key)), send('DEL', counterOf(key))]);
    },
    // Entries expire by themselves.
    sweep: async () => 0,
  } satisfies OnceStore);
}
