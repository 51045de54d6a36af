import { randomBytes } from 'node:crypto';
import type { Change, RedisConnection } from './connection.js';
import { createChange, textsOf } from './scripts.js';

/**
 * A login's key names the user that it belongs to. Rows of a cluster live apart, so that login and row cannot change in one step; while an
 * operation changes both, the key names the operation too:
 *
 *     <user id>                           settled
 *     <user id> NUL <operation> NUL <ms>  an operation of this user holds it since
 *
 * An operation takes hold of every login that its user gains or loses, changes the row, and settles each by what the row
 * says then. A key that an operation left behind (its process died, Redis did not answer) is settled by the next one that wants
 * the login, once it is too late for the first one to change anything. The row decides everywhere: a login without its
 * row is free.
 */
interface Claim {
  readonly owner: string;
  readonly operation: string | undefined;
  /** Milliseconds since then, by the server's clock. */
  readonly ageMs: number;
  /** The key's value. */
  readonly value: string;
  /** Releases 0.2 to 0.4: taken, and not yet settled. */
  readonly isExpiring: boolean;
}

/** After so long nothing can change any more in an operation: well over our patience. */
const ABANDONED_MS = 10_000;

/** user id, operation, the value that is to be replaced ('' for none): takes hold, or returns what is there. */
const hold = createChange(`
local value = redis.call('GET', KEYS[1])
if (value or '') ~= ARGV[6] then
  return {value or '', string.format('%.0f', clock), tostring(redis.call('PTTL', KEYS[1]))}
end
redis.call('SET', KEYS[1], ARGV[4] .. '\\0' .. ARGV[5] .. '\\0' .. string.format('%.0f', clock))
return {}`);

/** user id, operation, whose the login is from now on ('' for nobody's): settles what this operation holds. */
const settle = createChange(`
local value = redis.call('GET', KEYS[1])
local own = ARGV[4] .. '\\0' .. ARGV[5] .. '\\0'
if not value or string.sub(value, 1, #own) ~= own then return 0 end
if ARGV[6] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[6]) end
return 1`);

export interface Logins {
  /** The id of the user that a login may belong to, if its row says so. */
  readonly ownerOf: (login: string) => Promise<string | undefined>;
  /** Takes hold of logins, all or none. `stale`: another operation of the same user holds one. */
  readonly hold: (
    change: Change,
    id: string,
    logins: readonly string[],
  ) => Promise<Held | 'taken' | 'stale'>;
}

interface Held {
  /** Ends the operation: `logins` are now the user's, the others are free. */
  readonly settle: (logins: readonly string[]) => Promise<void>;
}

/** `hasLogin` asks the row of a user. */
export function redisLogins(
  { begin, send, keyOf }: RedisConnection,
  hasLogin: (id: string, login: string) => Promise<boolean>,
): Logins {
  const keyOfLogin = (login: string): string => keyOf('login', login);

  async function settleAll(
    holder: { readonly id: string; readonly operation: string },
    held: readonly string[],
    logins: readonly string[],
  ): Promise<void> {
    // An operation of its own: also where the first one used up its time.
    const change = begin();
    const { id, operation } = holder;
    await Promise.all(
      held.map((login) =>
        change(settle, keyOfLogin(login), id, operation, logins.includes(login) ? id : ''),
      ),
    );
  }

  async function holdOne(
    change: Change,
    holder: { readonly id: string; readonly operation: string },
    login: string,
  ): Promise<'held' | 'taken' | 'stale'> {
    const { id, operation } = holder;
    const take = async (value: string): Promise<Claim | undefined> =>
      toClaim(textsOf(await change(hold, keyOfLogin(login), id, operation, value)));
    const found = await take('');
    if (!found) return 'held';
    const isUnderWay = found.operation !== undefined && found.ageMs < ABANDONED_MS;
    if (isUnderWay && found.owner === id) return 'stale';
    if (isUnderWay || (found.isExpiring && found.owner !== id)) return 'taken';
    if (found.owner !== id && (await hasLogin(found.owner, login))) return 'taken';
    // Left behind. Whoever else wants it now finds us holding it.
    if (await take(found.value)) return 'taken';
    // Its owner may have got it back just before.
    if (found.owner === id || !(await hasLogin(found.owner, login))) return 'held';
    await begin()(settle, keyOfLogin(login), id, operation, found.owner);
    return 'taken';
  }

  return {
    async ownerOf(login) {
      const reply = await send('GET', keyOfLogin(login));
      return typeof reply === 'string' ? reply.split('\0')[0] : undefined;
    },
    async hold(change, id, logins) {
      const holder = { id, operation: randomBytes(9).toString('base64url') };
      const held: string[] = [];
      // One after the other and always in the same order: of two that want the same ones, one gets them all.
      for (const login of logins.toSorted()) {
        // oxlint-disable-next-line no-await-in-loop
        const outcome = await holdOne(change, holder, login);
        if (outcome !== 'held') {
          // oxlint-disable-next-line no-await-in-loop
          await settleAll(holder, held, []);
          return outcome;
        }
        held.push(login);
      }
      return { settle: (own) => settleAll(holder, held, own) };
    },
  };
}

function toClaim([value, clock, life]: readonly string[]): Claim | undefined {
  if (value === undefined) return undefined;
  const [owner = '', operation, since] = value.split('\0');
  const ageMs = since === undefined ? 0 : Number(clock) - Number(since);
  return { owner, operation, ageMs, value, isExpiring: Number(life) >= 0 };
}
