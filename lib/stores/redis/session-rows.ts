import { createChange, createScript, type Script } from './scripts.js';
import type { NewSession, Session } from '../store.js';

/**
 * What a row is made of beside the id, in this order. `expiresAt` and `revokedAt` are milliseconds since 1970, the other times
 * differences, which take fewer bytes: `expiresAt - createdAt` (life), `rotatedAt - createdAt`, `lastUsedAt - rotatedAt` and
 * `idleExpiresAt - rotatedAt`. A member that is absent is false, or left out at the end.
 */
const MEMBERS = [
  ...['userId', 'kid', 'salt', 'generation', 'version', 'expiresAt', 'life', 'rotatedAfter'],
  ...['lastUsedAfter', 'idleAfter', 'data', 'revokedAt', 'revokedReason'],
  ...['issuer', 'subject', 'providerSession'],
] as const;

type Member = (typeof MEMBERS)[number];

/** The members as Lua has them: `row[4]`, counted from 1. */
const row = Object.fromEntries(MEMBERS.map((name, at) => [name, `row[${at + 1}]`]));

/** The fields of the hash in which releases 0.2 to 0.4 keep a session. */
const HASH_FIELDS = [
  ...['userId', 'kid', 'salt', 'generation', 'version', 'expiresAt', 'createdAt', 'rotatedAt'],
  ...['lastUsedAt', 'idleExpiresAt', 'data', 'revokedAt', 'revokedReason'],
  ...['issuer', 'subject', 'providerSession'],
] as const;

/**
 * Rows expire in Redis a day after they end by their own rules: the server's clock need not be ours. Whether a
 * session lives is decided by the times in the row and the caller's `now` alone.
 */
export const KEEP_MS = 86_400_000;

/**
 * `load()` returns the row, or nil, in both formats. The compact one is one string (MessagePack) without the names of
 * members: a hash with a value of more than 64 bytes takes three times as much.
 */
const READING = `
local function fromHash()
  local values = redis.call('HMGET', KEYS[1], ${quoted(HASH_FIELDS)})
  for _, at in ipairs({4, 5, 6, 7, 8, 9, 10, 12}) do values[at] = values[at] and tonumber(values[at]) end
  local expiresAt, createdAt, rotatedAt = values[6], values[7], values[8]
  values[7], values[8] = expiresAt - createdAt, rotatedAt - createdAt
  values[9], values[10] = values[9] - rotatedAt, values[10] - rotatedAt
  return values
end

local function load()
  local text = redis.pcall('GET', KEYS[1])
  if not text then return nil end
  if type(text) == 'string' then return cmsgpack.unpack(text) end
  return fromHash()
end`;

/**
 * `save(row, life)` writes the row, to expire after `life` milliseconds; with nil, when it would have expired before. The other
 * format is the hash of older releases, as long as their instances may run.
 */
const WRITING = `${READING}
local function toHash(row)
  local createdAt = ${row.expiresAt} - ${row.life}
  local rotatedAt = createdAt + ${row.rotatedAfter}
  local values = {unpack(row, 1, ${MEMBERS.length})}
  values[7], values[8] = createdAt, rotatedAt
  values[9], values[10] = rotatedAt + ${row.lastUsedAfter}, rotatedAt + ${row.idleAfter}
  for at, field in ipairs({${quoted(HASH_FIELDS)}}) do
    local value = values[at]
    if type(value) == 'number' then value = string.format('%.17g', value) end
    if value then redis.call('HSET', KEYS[1], field, value) end
  end
end

local function pack(row)
  for at = ${MEMBERS.length}, 1, -1 do
    if row[at] then break end
    row[at] = nil
  end
  return cmsgpack.pack(row)
end

local function save(row, life)
  if life then life = string.format('%.0f', math.max(1, life)) end
  -- What is compact stays so: several servers' clocks may disagree about the moment from which on all rows are.
  if isCompact or redis.call('TYPE', KEYS[1]).ok == 'string' then
    if life then redis.call('SET', KEYS[1], pack(row), 'PX', life)
    else redis.call('SET', KEYS[1], pack(row), 'KEEPTTL') end
    return
  end
  toHash(row)
  if life then redis.call('PEXPIRE', KEYS[1], life) end
end`;

export const readRow: Script = createScript(`${READING}
return load() or false`);

/** id, life, and the members in their order, each '' (absent), '=' and a text, or '#' and a number */
export const createRow: Script = createChange(`${WRITING}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local row = {}
for at = 1, ${MEMBERS.length} do
  local value = ARGV[5 + at]
  local kind = string.sub(value, 1, 1)
  if kind == '=' then row[at] = string.sub(value, 2)
  elseif kind == '#' then row[at] = tonumber(string.sub(value, 2))
  else row[at] = false end
end
if not isCompact then redis.call('HSET', KEYS[1], 'id', ARGV[4]) end
save(row, tonumber(ARGV[5]))
return 1`);

/**
 * generation, now, idleExpiresAt, kid. The time that the script was held up is added to \`rotatedAt\`, so that the grace counts
 * from the moment at which it took effect; less than half a second is the way and the precision of two clocks.
 */
export const rotateRow: Script = createChange(`${WRITING}
local row = load()
if not row or ${row.generation} ~= tonumber(ARGV[4]) or ${row.revokedAt} then return false end
local now = tonumber(ARGV[5])
local createdAt = ${row.expiresAt} - ${row.life}
if now >= createdAt + ${row.rotatedAfter} + ${row.idleAfter} or now >= ${row.expiresAt} then return false end
local rotatedAt = now + (held > 500 and held or 0)
local idleExpiresAt = math.min(tonumber(ARGV[6]), ${row.expiresAt})
${row.generation} = ${row.generation} + 1
${row.kid} = ARGV[7]
${row.rotatedAfter} = rotatedAt - createdAt
${row.lastUsedAfter} = now - rotatedAt
${row.idleAfter} = idleExpiresAt - rotatedAt
save(row, idleExpiresAt - now + ${KEEP_MS})
return row`);

/** version, lastUsedAt, idleExpiresAt, data, and which of the three are given */
export const updateRow: Script = createChange(`${WRITING}
local row = load()
if not row or ${row.version} ~= tonumber(ARGV[4]) or ${row.revokedAt} then return false end
${row.version} = ${row.version} + 1
local rotatedAt = ${row.expiresAt} - ${row.life} + ${row.rotatedAfter}
local life
if string.find(ARGV[8], 'u') then ${row.lastUsedAfter} = tonumber(ARGV[5]) - rotatedAt end
if string.find(ARGV[8], 'd') then ${row.data} = ARGV[7] end
if string.find(ARGV[8], 'i') then
  ${row.idleAfter} = math.min(tonumber(ARGV[6]), ${row.expiresAt}) - rotatedAt
  life = math.max(0, ${row.idleAfter} - ${row.lastUsedAfter}) + ${KEEP_MS}
end
save(row, life)
return row`);

/**
 * now, reason, and the place of a member (0: any row) with the values that it may have ('' for none); returns whether this call
 * revoked it, and the row. 0 when the row has another value.
 */
export const revokeRow: Script = createChange(`${WRITING}
local row = load()
if not row then return false end
local place = tonumber(ARGV[6])
local fits = place == 0
for at = 7, #ARGV do fits = fits or (row[place] or '') == ARGV[at] end
if not fits then return 0 end
local isHere = not ${row.revokedAt}
if isHere then
  ${row.revokedAt} = tonumber(ARGV[4])
  ${row.revokedReason} = ARGV[5]
  save(row)
end
return {isHere and 1 or 0, row}`);

/** Where a member stands in rows, for `revokeRow`. */
export function placeOf(member: 'userId' | 'subject' | 'issuer' | 'providerSession'): number {
  return MEMBERS.indexOf(member) + 1;
}

/** The arguments of `createRow`. */
export function rowArguments(session: NewSession): readonly (string | number)[] {
  const { createdAt, rotatedAt, expiresAt, provider, ...rest } = session;
  const values: Partial<Record<Member, string | number | undefined>> = {
    ...rest,
    version: 0,
    expiresAt,
    life: expiresAt - createdAt,
    rotatedAfter: rotatedAt - createdAt,
    lastUsedAfter: session.lastUsedAt - rotatedAt,
    idleAfter: session.idleExpiresAt - rotatedAt,
    issuer: provider?.issuer,
    subject: provider?.subject,
    providerSession: provider?.sessionId,
  };
  const members = MEMBERS.map((member) => {
    const value = values[member];
    if (value === undefined) return '';
    return typeof value === 'number' ? `#${value}` : `=${value}`;
  });
  return [session.id, expiresAt - createdAt + KEEP_MS, ...members];
}

/** Reads a row as scripts return it. */
export function toSession(id: string, reply: unknown): Session | undefined {
  if (!Array.isArray(reply)) return undefined;
  const values: readonly unknown[] = reply;
  const [userId, kid, salt, generation, version, expiresAt, life, rotatedAfter] = values;
  const [lastUsedAfter, idleAfter, data, revokedAt, revokedReason] = values.slice(8);
  const [issuer, subject, providerSession] = values.slice(13);
  const createdAt = Number(expiresAt) - Number(life);
  const rotatedAt = createdAt + Number(rotatedAfter);
  const provider = optionalText(issuer);
  return {
    id,
    userId: String(userId),
    kid: String(kid),
    salt: String(salt),
    generation: Number(generation),
    rotatedAt,
    version: Number(version),
    createdAt,
    lastUsedAt: rotatedAt + Number(lastUsedAfter),
    idleExpiresAt: rotatedAt + Number(idleAfter),
    expiresAt: Number(expiresAt),
    // A client may be set to give numbers as strings.
    revokedAt: revokedAt === undefined || revokedAt === null ? undefined : Number(revokedAt),
    revokedReason: optionalText(revokedReason),
    provider:
      provider === undefined
        ? undefined
        : { issuer: provider, subject: String(subject), sessionId: optionalText(providerSession) },
    data: String(data),
  };
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
