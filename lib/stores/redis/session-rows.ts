import { createChange, createScript, listOf, type Script } from './scripts.js';
import type { NewSession, Session } from '../store.js';

/** What a session is made of beside its id, in the order in which every script takes and returns it. */
const FIELDS = [
  ...['userId', 'kid', 'salt', 'generation', 'rotatedAt', 'version', 'createdAt', 'lastUsedAt'],
  ...['idleExpiresAt', 'expiresAt', 'revokedAt', 'revokedReason'],
  ...['issuer', 'subject', 'providerSession', 'data'],
] as const;

type Field = (typeof FIELDS)[number];

const NUMBERS: readonly Field[] = [
  ...(['generation', 'rotatedAt', 'version', 'createdAt', 'lastUsedAt'] as const),
  ...(['idleExpiresAt', 'expiresAt', 'revokedAt'] as const),
];

/**
 * Rows expire in Redis a day after they end by their own rules: the server's clock need not be ours. Whether a
 * session lives is decided by the times in the row and the caller's `now` alone.
 */
export const KEEP_MS = 86_400_000;

/**
 * Reads and writes rows in both formats. The compact one is one string (MessagePack) without the names of fields, whose times are
 * differences: a hash with a value of more than 64 bytes takes three times as much. The other one is the hash of
 * releases 0.2 to 0.4.
 *
 * `load()` returns a table by field, or nil. `save(row, life)` writes it, to expire after `life` milliseconds; with nil,
 * when it would have expired before. `answer(row)` lists it for the caller.
 */
const ROWS = `
local FIELDS = {${FIELDS.map((field) => `'${field}'`).join(', ')}}
local NUMBERS = {${NUMBERS.map((field) => `${field} = true`).join(', ')}}

local function unpackRow(text)
  local p = cmsgpack.unpack(text)
  local createdAt = p[6] - p[7]
  local rotatedAt = createdAt + p[8]
  return {
    userId = p[1], kid = p[2], salt = p[3], generation = p[4], version = p[5],
    expiresAt = p[6], createdAt = createdAt, rotatedAt = rotatedAt,
    lastUsedAt = rotatedAt + p[9], idleExpiresAt = rotatedAt + p[10], data = p[11],
    revokedAt = p[12] or nil, revokedReason = p[13] or nil,
    issuer = p[14] or nil, subject = p[15] or nil, providerSession = p[16] or nil,
  }
end

local function packRow(row)
  local p = {
    row.userId, row.kid, row.salt, row.generation, row.version,
    row.expiresAt, row.expiresAt - row.createdAt, row.rotatedAt - row.createdAt,
    row.lastUsedAt - row.rotatedAt, row.idleExpiresAt - row.rotatedAt, row.data,
  }
  local last = row.providerSession and 16 or row.subject and 15 or row.issuer and 14
    or row.revokedReason and 13 or row.revokedAt and 12 or 11
  local rest = {row.revokedAt or false, row.revokedReason or false, row.issuer or false, row.subject or false, row.providerSession or false}
  for at = 12, last do p[at] = rest[at - 11] end
  return cmsgpack.pack(p)
end

local function load()
  local text = redis.pcall('GET', KEYS[1])
  if not text then return nil end
  if type(text) == 'string' then return unpackRow(text) end
  local values = redis.call('HMGET', KEYS[1], unpack(FIELDS))
  local row = {}
  for at, field in ipairs(FIELDS) do
    if values[at] then row[field] = NUMBERS[field] and tonumber(values[at]) or values[at] end
  end
  return row
end

local function answer(row)
  local values = {}
  for at, field in ipairs(FIELDS) do
    local value = row[field]
    if value == nil then values[at] = false
    elseif NUMBERS[field] then values[at] = string.format('%.17g', value)
    else values[at] = value end
  end
  return values
end`;

const WRITING = `${ROWS}
local function save(row, life)
  if life then life = string.format('%.0f', math.max(1, life)) end
  -- What is compact stays so: several servers' clocks may disagree about the moment from which on all rows are.
  if isCompact or redis.call('TYPE', KEYS[1]).ok == 'string' then
    if life then redis.call('SET', KEYS[1], packRow(row), 'PX', life)
    else redis.call('SET', KEYS[1], packRow(row), 'KEEPTTL') end
    return
  end
  local values = answer(row)
  for at, field in ipairs(FIELDS) do
    if values[at] then redis.call('HSET', KEYS[1], field, values[at]) end
  end
  if life then redis.call('PEXPIRE', KEYS[1], life) end
end`;

export const readRow: Script = createScript(`${ROWS}
local row = load()
return row and answer(row)`);

/** id, life, and the fields in their order, each '' (absent) or '=' and the value */
export const createRow: Script = createChange(`${WRITING}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local row = {}
for at, field in ipairs(FIELDS) do
  local value = ARGV[5 + at]
  if value ~= '' then
    value = string.sub(value, 2)
    row[field] = NUMBERS[field] and tonumber(value) or value
  end
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
local now = tonumber(ARGV[5])
if not row or row.generation ~= tonumber(ARGV[4]) or row.revokedAt then return false end
if now >= row.idleExpiresAt or now >= row.expiresAt then return false end
row.generation = row.generation + 1
row.kid = ARGV[7]
row.rotatedAt = now + (held > 500 and held or 0)
row.lastUsedAt = now
row.idleExpiresAt = math.min(tonumber(ARGV[6]), row.expiresAt)
save(row, row.idleExpiresAt - now + ${KEEP_MS})
return answer(row)`);

/** version, lastUsedAt, idleExpiresAt, data, and which of the three are given */
export const updateRow: Script = createChange(`${WRITING}
local row = load()
if not row or row.version ~= tonumber(ARGV[4]) or row.revokedAt then return false end
row.version = row.version + 1
local life
if string.find(ARGV[8], 'u') then row.lastUsedAt = tonumber(ARGV[5]) end
if string.find(ARGV[8], 'd') then row.data = ARGV[7] end
if string.find(ARGV[8], 'i') then
  row.idleExpiresAt = math.min(tonumber(ARGV[6]), row.expiresAt)
  life = math.max(0, row.idleExpiresAt - row.lastUsedAt) + ${KEEP_MS}
end
save(row, life)
return answer(row)`);

/**
 * now, reason, and a field with the values that it may have ('' for none); returns whether this call revoked it, and the row. 0 when
 * the row has another value.
 */
export const revokeRow: Script = createChange(`${WRITING}
local row = load()
if not row then return false end
local fits = ARGV[6] == ''
for at = 7, #ARGV do fits = fits or (row[ARGV[6]] or '') == ARGV[at] end
if not fits then return 0 end
local isHere = not row.revokedAt
if isHere then
  row.revokedAt = tonumber(ARGV[4])
  row.revokedReason = ARGV[5]
  save(row)
end
return {isHere and 1 or 0, answer(row)}`);

/** The arguments of `createRow`. */
export function rowArguments(session: NewSession): readonly (string | number)[] {
  const { provider, ...row } = session;
  const { issuer, subject, sessionId: providerSession } = provider ?? {};
  const values: Partial<Record<Field, string | number | undefined>> = {
    ...row,
    ...{ issuer, subject, providerSession },
    version: 0,
  };
  const life = session.expiresAt - session.createdAt + KEEP_MS;
  return [
    session.id,
    life,
    ...FIELDS.map((field) => {
      const value = values[field];
      return value === undefined ? '' : `=${String(value)}`;
    }),
  ];
}

export function toSession(id: string, reply: unknown): Session | undefined {
  const values = listOf(reply);
  if (values.length === 0) return undefined;
  const row = new Map(FIELDS.map((field, at) => [field, values[at]]));
  const text = (field: Field): string => row.get(field) ?? '';
  const number = (field: Field): number => Number(row.get(field));
  return {
    id,
    userId: text('userId'),
    kid: text('kid'),
    salt: text('salt'),
    generation: number('generation'),
    rotatedAt: number('rotatedAt'),
    version: number('version'),
    createdAt: number('createdAt'),
    lastUsedAt: number('lastUsedAt'),
    idleExpiresAt: number('idleExpiresAt'),
    expiresAt: number('expiresAt'),
    revokedAt: row.get('revokedAt') === undefined ? undefined : number('revokedAt'),
    revokedReason: row.get('revokedReason'),
    provider:
      row.get('issuer') === undefined
        ? undefined
        : {
            issuer: text('issuer'),
            subject: text('subject'),
            sessionId: row.get('providerSession'),
          },
    data: text('data'),
  };
}
