import type { Request } from 'express';
import { requestFacts } from '../../http/request-facts.js';
import type { StoredUser } from '../../stores/store.js';
import { type AttemptCounts, createKnownDevices, loginsOf } from './known-device.js';
import { createSilentLimit, forgetCount, limitAccounts, limitReached } from '../rate-limits.js';
import type { Exchange } from '../request-body.js';
import type { RouterParts } from '../parts.js';

/**
 * Counts the attempts to find out a password. Each name that is tried has a count, whether or not an account has it: past the
 * limit, 429. The names of one account have a count together as well. Past that limit the answer is that of a wrong password, to
 * a right one, too: a 429 for a name that nobody has tried yet would tell that it is another name of the account.
 */
export interface Attempts {
  /** Counts an attempt on a login, before the user is looked up. Rejects with RATE_LIMITED (429). */
  spendOnLogin(exchange: Exchange, login: string, deviceToken?: string): Promise<AttemptCounts>;
  /** Counts the same attempt on the account. Resolves to whether it may succeed. */
  spendOnAccount(user: StoredUser | undefined, counts: AttemptCounts): Promise<boolean>;
  /** Gives back what {@link Attempts.spendOnAccount} has counted, after a success. What was counted on the login comes back by itself. */
  giveBack(user: StoredUser, counts: AttemptCounts): void;
  /** Counts an attempt by somebody who is signed in as this user, on all its names. Rejects with RATE_LIMITED (429). */
  spendAsUser(exchange: Exchange, user: StoredUser, deviceToken?: string): Promise<AttemptCounts>;
  /** Forgets what was counted: the owner has proven the account in another way. */
  forget(req: Request, user: StoredUser): Promise<void>;
}

const LOGIN = 'account';
const ACCOUNT = 'account-names';

export function createAttempts(parts: RouterParts): Attempts {
  const { events, inBackground } = parts;
  const devices = createKnownDevices(parts);
  const limitLogin = limitAccounts(parts, { name: LOGIN, countsFailuresOnly: true });
  const accountLimit = createSilentLimit(parts, ACCOUNT);

  async function spendOnLogin(
    { req, res }: Exchange,
    login: string,
    deviceToken?: string,
  ): Promise<AttemptCounts> {
    const counts = await devices.countsOf(req, login, deviceToken);
    await limitLogin(req, res, counts.ofLogin);
    return counts;
  }

  return Object.freeze({
    spendOnLogin,
    async spendOnAccount(user: StoredUser | undefined, counts: AttemptCounts): Promise<boolean> {
      if (!user || !hasSeveralNames(user)) return true;
      return (await accountLimit.spend(counts.ofAccount(user))).isWithin;
    },
    giveBack(user: StoredUser, counts: AttemptCounts): void {
      if (hasSeveralNames(user)) inBackground(accountLimit.giveBack(counts.ofAccount(user)));
    },
    async spendAsUser(exchange: Exchange, user: StoredUser, deviceToken?: string) {
      const [first = user.id, ...others] = loginsOf(user);
      const counts = await spendOnLogin(exchange, first, deviceToken);
      for (const login of others) await spendOnLogin(exchange, login, deviceToken);
      if (!hasSeveralNames(user)) return counts;
      const { isWithin, resetAt } = await accountLimit.spend(counts.ofAccount(user));
      if (isWithin) return counts;
      events.emit('rate.limited', { limit: 'account', ...requestFacts(exchange.req) });
      throw limitReached(resetAt, parts.now());
    },
    async forget(req: Request, user: StoredUser): Promise<void> {
      for (const login of loginsOf(user)) {
        const counts = await devices.countsOf(req, login);
        await forgetCount(parts, LOGIN, counts.ofLogin);
        await forgetCount(parts, ACCOUNT, counts.ofAccount(user));
      }
    },
  });
}

/** A user with one name has one count already. */
function hasSeveralNames(user: StoredUser): boolean {
  return loginsOf(user).length > 1;
}
