import { createChange, createScript, type Script } from './scripts.js';

/**
 * An organisation is a hash with its facts, the number of its owners, and its members:
 *
 *     m:<user id> = <1 for an owner, else 0> <joinedAt> <roles as JSON>
 *
 * and a sorted set of the user ids, for pages. Both are on one node and change in one step.
 */
const IDS = ':members';
export const FACTS = ['name', 'createdAt', 'updatedAt', 'version'] as const;

/** name, createdAt, updatedAt, the first member's id and value */
export const create: Script = createChange(
  `
if redis.call('EXISTS', KEYS[1]) == 1 then return 'taken' end
redis.call('HSET', KEYS[1], 'name', ARGV[4], 'createdAt', ARGV[5], 'updatedAt', ARGV[6], 'version', '0', 'owners', '1')
redis.call('HSET', KEYS[1], 'm:' .. ARGV[7], ARGV[8])
redis.call('ZADD', KEYS[2], 0, ARGV[7])
return 'created'`,
  [IDS],
);

/** version, now, name */
export const update: Script = createChange(`
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[4] then return {} end
redis.call('HSET', KEYS[1], 'name', ARGV[6], 'updatedAt', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'version', 1)
return redis.call('HMGET', KEYS[1], '${FACTS.join("', '")}')`);

export const remove: Script = createChange(
  `
local ids = redis.call('ZRANGE', KEYS[2], 0, -1)
local found = redis.call('DEL', KEYS[1])
redis.call('DEL', KEYS[2])
if found == 1 then table.insert(ids, 1, 'deleted') end
return ids`,
  [IDS],
);

/** id and value of the member */
export const addMember: Script = createChange(
  `
if redis.call('EXISTS', KEYS[1]) == 0 then return 'missing' end
if redis.call('HSETNX', KEYS[1], 'm:' .. ARGV[4], ARGV[5]) == 0 then return 'member' end
redis.call('HINCRBY', KEYS[1], 'owners', string.sub(ARGV[5], 1, 1))
redis.call('ZADD', KEYS[2], 0, ARGV[4])
return 'added'`,
  [IDS],
);

/** Whether the roles of a member are not those that an argument holds as JSON; empty: any will do. */
const areOthers = (argument: string): string =>
  `${argument} ~= '' and string.match(member, '^. %S+ (.*)$') ~= ${argument}`;

/** id of the member, 1 for an owner or 0, roles as JSON, and as they must be before */
export const setRoles: Script = createChange(`
local member = redis.call('HGET', KEYS[1], 'm:' .. ARGV[4])
if not member then return 'missing' end
if ${areOthers('ARGV[7]')} then return 'stale' end
local more = tonumber(ARGV[5]) - tonumber(string.sub(member, 1, 1))
if more < 0 and redis.call('HGET', KEYS[1], 'owners') == '1' then return 'last_owner' end
redis.call('HSET', KEYS[1], 'm:' .. ARGV[4], ARGV[5] .. string.match(member, '^.( %S+ )') .. ARGV[6])
redis.call('HINCRBY', KEYS[1], 'owners', more)
return 'changed'`);

/** id of the member, 1 to let even the last owner go, roles as they must be before */
export const removeMember: Script = createChange(
  `
local member = redis.call('HGET', KEYS[1], 'm:' .. ARGV[4])
if not member then return 'missing' end
if ${areOthers('ARGV[6]')} then return 'stale' end
local isOwner = tonumber(string.sub(member, 1, 1))
if isOwner == 1 and ARGV[5] == '0' and redis.call('HGET', KEYS[1], 'owners') == '1' then return 'last_owner' end
redis.call('HDEL', KEYS[1], 'm:' .. ARGV[4])
redis.call('HINCRBY', KEYS[1], 'owners', 0 - isOwner)
redis.call('ZREM', KEYS[2], ARGV[4])
return 'removed'`,
  [IDS],
);

/** where the page begins, limit: returns id and value of each in turn */
export const readMembers: Script = createScript(
  `
local page = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], ARGV[1], '+', 'BYLEX', 'LIMIT', '0', ARGV[2])) do
  table.insert(page, id)
  table.insert(page, redis.call('HGET', KEYS[1], 'm:' .. id))
end
return page`,
  [IDS],
);
