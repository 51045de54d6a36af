import { createHash } from 'node:crypto';

/** A step that Redis runs whole or not at all (Lua), on the one key that it is called with. */
export interface Script {
  readonly source: string;
  readonly sha: string;
  /** Endings of further keys, KEYS[2] and so on: the key with each of them, which is on the same node. */
  readonly beside: readonly string[];
}

/** A script that changes nothing. */
export function createScript(source: string, beside: readonly string[] = []): Script {
  return Object.freeze({ source, sha: createHash('sha1').update(source).digest('hex'), beside });
}

/**
 * A script that changes something. One that arrives after its deadline, because the server or the way to it was held up,
 * changes nothing and answers with the server's time instead. Its own arguments begin at ARGV[4]. It finds in `clock` the
 * server's time, in `held` the milliseconds since the call, and in `isCompact` whether rows of the present format may be
 * written.
 */
export function createChange(source: string, beside?: readonly string[]): Script {
  const text = `
local time = redis.call('TIME')
local clock = time[1] * 1000 + math.floor(time[2] / 1000)
if clock > tonumber(ARGV[1]) then return redis.error_reply(string.format('LATE %.0f', clock)) end
local isCompact = clock >= tonumber(ARGV[2])
local held = clock - tonumber(ARGV[3])
${source}`;
  return createScript(text, beside);
}

/** What the server's clock said when it refused a change that came too late; undefined for any other error. */
export function readLateReply(error: unknown): number | undefined {
  const text = error instanceof Error ? /^LATE (\d+)/.exec(error.message)?.[1] : undefined;
  return text === undefined ? undefined : Number(text);
}

/** The first word of an error reply, such as READONLY, also of one that came up inside a script (Redis 6). */
export function wordOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return /^(?:ERR Error running script.*? -)?([A-Z]{3,})\b/s.exec(error.message)?.[1];
}

/** A reply that is a list, such as HMGET's; null stands for what is not there. RESP3 has scores in pairs. */
export function listOf(reply: unknown): readonly (string | undefined)[] {
  if (!Array.isArray(reply)) return [];
  return reply
    .flat()
    .map((item: unknown) =>
      typeof item === 'string' || typeof item === 'number' ? String(item) : undefined,
    );
}

export function textsOf(reply: unknown): readonly string[] {
  return listOf(reply).filter((item) => item !== undefined);
}
