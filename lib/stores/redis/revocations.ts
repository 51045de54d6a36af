import type { RedisConnection } from './connection.js';
import { createChange, textsOf } from './scripts.js';
import type { Revocation, RevocationPage } from '../store.js';

/** Streams that revocations are spread over, so that no key and no node of a cluster has to hold all. */
const SHARDS = 16;
/** A stream that gets no revocation for so long ends; those in it are long swept. */
const LIFE_MS = 8 * 86_400_000;
/** Clocks of instances differ by less. */
const OVERLAP_MS = 60_000;
const CHUNK = 500;

/**
 * whether some may be there already, and id and revokedAt of each in turn. An entry is numbered by its time or, where that has gone by
 * already, by the one before it: never before what a reader has seen, and never before its own time.
 */
const announce = createChange(`
local ms, seq = 0, 0
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if not info.err then
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then
      local a, b = string.match(info[at + 1], '(%d+)-(%d+)')
      ms, seq = tonumber(a), tonumber(b)
    end
  end
end
local function isThere(id, revokedAt)
  local from = string.format('%.0f', math.max(0, math.floor(revokedAt)))
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1000)) do
    if entry[2][2] == id then return true end
  end
  return false
end
for at = 5, #ARGV, 2 do
  local revokedAt = tonumber(ARGV[at + 1])
  if ARGV[4] ~= '1' or not isThere(ARGV[at], revokedAt) then
    local own = math.max(1, math.floor(revokedAt))
    if own > ms then ms, seq = own, 0 else seq = seq + 1 end
    redis.call('XADD', KEYS[1], string.format('%.0f-%.0f', ms, seq), 'id', ARGV[at], 'at', ARGV[at + 1])
  end
end
redis.call('PEXPIRE', KEYS[1], ${LIFE_MS})
return 1`);

/** The same for releases 0.2 to 0.4, until they are gone. */
const announceOld = createChange(`
if isCompact then return 0 end
for at = 4, #ARGV, 2 do redis.call('ZADD', KEYS[1], 'NX', ARGV[at + 1], ARGV[at]) end
return 1`);

/** time */
const trim = createChange(`return redis.call('XTRIM', KEYS[1], 'MINID', ARGV[4])`);
/** time, life */
const trimOld = createChange(`
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[4])`);

type Announced = Pick<Revocation, 'id' | 'revokedAt'>;

export interface RedisRevocations {
  /** Tells the instances. `mayBeThere`: looks for each before it adds it. */
  readonly announce: (revocations: readonly Announced[], mayBeThere: boolean) => Promise<void>;
  readonly since: (time: number, page?: RevocationPage) => Promise<readonly Revocation[]>;
  readonly sweep: (before: number) => Promise<void>;
}

export function redisRevocations(connection: RedisConnection): RedisRevocations {
  const { keyOf, send, begin, schema } = connection;
  const keys = Array.from({ length: SHARDS }, (_, shard) => keyOf('revoked', String(shard)));
  const oldKey = keyOf('revocations');
  /** Of older releases: until when they were taken over, and which. */
  let takenUntil = 0;
  const taken = new Set<string>();

  async function announceAll(revocations: readonly Announced[], flag: '0' | '1'): Promise<void> {
    const change = begin();
    await Promise.all(
      keys.map(async (key, shard) => {
        const entries = revocations.filter(({ id }) => shardOf(id) === shard);
        if (entries.length > 0) await change(announce, key, flag, ...entries.flatMap(pairOf));
      }),
    );
  }

  /** Revocations by instances of an older release join ours. */
  async function takeOver(time: number): Promise<void> {
    const from = Math.max(time, takenUntil - OVERLAP_MS);
    for (let at = 0; ; at += CHUNK) {
      const range = [from, '+inf', 'BYSCORE', 'LIMIT', at, CHUNK, 'WITHSCORES'] as const;
      // oxlint-disable-next-line no-await-in-loop
      const reply = textsOf(await send('ZRANGE', oldKey, ...range));
      const found = reply.flatMap((id, index) =>
        index % 2 === 0 ? [{ id, revokedAt: Number(reply[index + 1]) }] : [],
      );
      const news = found.filter(({ id }) => !taken.has(id));
      // oxlint-disable-next-line no-await-in-loop
      if (news.length > 0) await announceAll(news, '1');
      for (const { id } of news) taken.add(id);
      takenUntil = found.reduce((latest, { revokedAt }) => Math.max(latest, revokedAt), takenUntil);
      if (found.length < CHUNK) break;
    }
    if (taken.size > 50_000) taken.clear();
  }

  return {
    async announce(revocations, mayBeThere) {
      await announceAll(revocations, mayBeThere ? '1' : '0');
      if (!(await schema.isMixed())) return;
      await begin()(announceOld, oldKey, ...revocations.flatMap(pairOf));
      for (const { id } of revocations) taken.add(id);
    },
    async since(time, { after, limit = 1000 } = {}) {
      if (await schema.isMixed()) await takeOver(time);
      const cursors =
        readPosition(after) ??
        keys.map(() => `${Math.max(0, Math.floor(time) - 1)}-${Number.MAX_SAFE_INTEGER}`);
      // An entry can be numbered later than it was revoked: the first page begins before some that are too old.
      return readShards({ send, keys, cursors, limit, oldest: after === undefined ? time : 0 });
    },
    async sweep(before) {
      const change = begin();
      const from = Math.max(0, Math.floor(before) + 1);
      await Promise.all(keys.map((key) => change(trim, key, from)));
      if (await schema.isMixed()) await change(trimOld, oldKey, before, LIFE_MS);
    },
  };
}

interface Reading {
  readonly send: RedisConnection['send'];
  readonly keys: readonly string[];
  /** The entry that was last read of each stream. Moves on. */
  readonly cursors: string[];
  readonly limit: number;
  /** Entries that were revoked before are passed over. */
  readonly oldest: number;
}

/** A little of every stream, until the page is full or nothing is left. */
async function readShards({ send, keys, cursors, limit, oldest }: Reading): Promise<Revocation[]> {
  const page: Revocation[] = [];
  let open = keys.map((key, shard) => ({ key, shard }));
  while (open.length > 0 && page.length < limit) {
    const count = Math.ceil((limit - page.length) / open.length);
    // oxlint-disable-next-line no-await-in-loop
    const replies = await Promise.all(
      open.map(({ key, shard }) =>
        send('XRANGE', key, `(${cursors[shard] ?? '0-0'}`, '+', 'COUNT', count),
      ),
    );
    for (const [index, { shard }] of open.entries())
      for (const { number, id, revokedAt } of entriesIn(replies[index])) {
        if (page.length === limit) break;
        cursors[shard] = number;
        if (revokedAt >= oldest) page.push({ id, revokedAt, position: cursors.join(' ') });
      }
    open = open.filter((_, index) => entriesIn(replies[index]).length === count);
  }
  return page;
}

function entriesIn(reply: unknown): { number: string; id: string; revokedAt: number }[] {
  if (!Array.isArray(reply)) return [];
  return reply.flatMap((entry: unknown) => {
    const [number, , id, , revokedAt] = textsOf(entry);
    return number === undefined || id === undefined
      ? []
      : [{ number, id, revokedAt: Number(revokedAt) }];
  });
}

function readPosition(position: string | undefined): string[] | undefined {
  const cursors = position?.split(' ') ?? [];
  return cursors.length === SHARDS && cursors.every((cursor) => /^\d+-\d+$/.test(cursor))
    ? cursors
    : undefined;
}

function pairOf({ id, revokedAt }: Announced): readonly (string | number)[] {
  return [id, revokedAt];
}

function shardOf(id: string): number {
  let sum = 0;
  for (let at = 0; at < id.length; at += 1) sum = (sum * 31 + id.charCodeAt(at)) % 65_521;
  return sum % SHARDS;
}
