import { randomInt } from 'node:crypto';
import { AuthError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import { numberInRange, refuseUnknownOptions, renamedOption } from '../../known-options.js';
import { loadPackage } from '../../loading/load-package.js';
import { createHashingQueue, type HashingCounters, type HashingLimits } from './hashing-queue.js';
import { COST } from './hash.js';
import { flaw, passwordBytes, passwordFlaw } from './policy.js';
import { createVerification, type PasswordVerdict, type VerifyForeign } from './verify-password.js';

export interface PasswordOptions {
  /**
   * Fewest characters of a new password. 8 to 64; NIST SP 800-63B-4 §3.1.1.2 wants 15 where a password is all
   * that is asked for. @defaultValue `15`
   */
  readonly minLength?: number;
  /**
   * Tells whether a new password is known to be stolen, e.g. by asking a service. When it throws, the password is
   * accepted and the event is `hook.failed`. @defaultValue none
   */
  readonly isBlocked?: (password: string) => boolean | Promise<boolean>;
  /**
   * Compares a password, as it was typed, with a hash of an older system: what `passwordHash` holds where it is no argon2id. Runs in the
   * queue of hashes. A match is hashed anew with argon2id at the log-in; undefined says that the hash can't be read. For an account
   * without such a hash it is called with `hash` undefined, so that every wrong password takes as long: compare with a hash of your
   * own then, of the usual cost; the result counts for nothing. When it throws, the answer is 503 and the event is
   * `hook.failed`. @defaultValue none
   *
   * @example
   * const auth = createAuth({
   *   passwords: { verifyForeign: (hash = EXAMPLE_HASH, password) => bcrypt.compare(password, hash) },
   * });
   */
  readonly verifyForeign?: VerifyForeign;
  /**
   * Hashes computed at the same time. 1 to 64; each occupies one of Node's pool threads (`UV_THREADPOOL_SIZE`), and
   * what is left of them verifies tokens. @defaultValue cores + 1, at most 3
   */
  readonly maxConcurrentHashes?: number;
  /**
   * Hashes waiting for their turn. 0 to 10,000. A log-in that finds the queue full is answered 503 SERVER_BUSY.
   * @defaultValue `100`
   */
  readonly maxQueuedHashes?: number;
  /** @deprecated Former name of `maxConcurrentHashes`. */
  readonly hashesAtOnce?: number;
  /** @deprecated Former name of `maxQueuedHashes`. */
  readonly mostWaiting?: number;
}

export interface PasswordContext {
  readonly events: EventSink;
  /** Processors of this machine. */
  readonly cores: number;
}

export interface PolicyQuestion {
  readonly user: { readonly username?: string | undefined; readonly email?: string | undefined };
  readonly currentHash?: string | undefined;
  /** Member of the request's body that `errors` point to. @defaultValue `'new_password'` */
  readonly member?: 'password' | 'new_password';
}

/** Hashes passwords and checks new ones. Methods that hash may reject with SERVER_BUSY (503). */
export interface Passwords {
  /** Fewest characters of a new password. */
  readonly minLength: number;
  /** Hashes with argon2id, m = 19 MiB, t = 2, p = 1 (RFC 9106). Returns a PHC string. Does not check the policy. */
  hash(password: string): Promise<string>;
  /**
   * Compares a password with a stored hash. A wrong password takes the same work whatever the hash is, also without one or with a
   * broken one. Rejects with STORE_UNAVAILABLE (503) when `verifyForeign` throws.
   */
  verify(hash: string | undefined, password: string): Promise<PasswordVerdict>;
  /**
   * Checks a new password before it is hashed. Rejects with PASSWORD_POLICY (400), whose `errors` have one of the codes
   * `not_text`, `too_short`, `too_long`, `contains_login`, `blocklisted` and `same_as_old` (only with `currentHash`).
   *
   * @example
   * await auth.passwords.checkPolicy(password, { user, currentHash: user.passwordHash });
   */
  checkPolicy(password: string, question: PolicyQuestion): Promise<void>;
  /** Returns a random password of 99 bits for a mail, without characters that look alike. Passes the policy. */
  generatePassword(): string;
  /** Hashes that run, wait, have finished, and were refused. For metrics. */
  counters(): HashingCounters;
}

/** Node's default (`UV_THREADPOOL_SIZE`). One thread is left for other work. */
const POOL_THREADS = 4;

export function createPasswords(
  options: PasswordOptions | undefined = {},
  { events, cores }: PasswordContext,
): Passwords {
  refuseUnknownOptions('passwords', options, optionNames);
  const { minLength = 15, isBlocked, verifyForeign } = options;
  numberInRange(minLength, [8, 64], 'passwords.minLength');
  const queue = createHashingQueue(queueLimits(options, cores));

  async function hash(password: string): Promise<string> {
    const { hash: argon2 } = await loadPackage('@node-rs/argon2');
    return queue.run(() => argon2(passwordBytes(password), COST));
  }

  const verify = createVerification({ queue, verifyForeign, events });

  async function isBlockedPassword(password: string): Promise<boolean> {
    try {
      return (await isBlocked?.(password)) === true;
    } catch {
      // An outage of that service must not keep users from changing passwords; length and blocklist still apply.
      events.emit('hook.failed', { hook: 'isBlocked' });
      return false;
    }
  }

  return Object.freeze({
    minLength,
    hash,
    verify,
    async checkPolicy(password: string, question: PolicyQuestion): Promise<void> {
      const { user, currentHash, member = 'new_password' } = question;
      const logins = [user.username, user.email].filter((login) => login !== undefined);
      const found =
        passwordFlaw(password, { minLength, logins }) ??
        ((await isBlockedPassword(password))
          ? flaw('blocklisted', 'is known to be stolen')
          : undefined) ??
        (currentHash !== undefined && (await verify(currentHash, password)).matches
          ? flaw('same_as_old', 'is the old one')
          : undefined);
      if (!found) return;
      const errors = [{ ...found, pointer: `#/${member}` }];
      throw new AuthError('PASSWORD_POLICY', { reason: found.code, errors });
    },
    generatePassword,
    counters: () => queue.counters(),
  });
}

function queueLimits(options: PasswordOptions, cores: number): HashingLimits {
  const concurrent = renamedOption('passwords', options, ['hashesAtOnce', 'maxConcurrentHashes']);
  const queued = renamedOption('passwords', options, ['mostWaiting', 'maxQueuedHashes']);
  const usual = Math.min(cores + 1, POOL_THREADS - 1);
  return {
    maxConcurrent: numberInRange(concurrent ?? usual, [1, 64], 'passwords.maxConcurrentHashes'),
    maxQueued: numberInRange(queued ?? 100, [0, 10_000], 'passwords.maxQueuedHashes'),
  };
}

const optionNames: readonly (keyof PasswordOptions)[] = [
  'minLength',
  'isBlocked',
  'verifyForeign',
  'maxConcurrentHashes',
  'maxQueuedHashes',
  'hashesAtOnce',
  'mostWaiting',
];

/** No letters or digits that look alike. */
const READABLE = 'abcdefghjkmnpqrstuvwxyz23456789';

/** Four groups of five: 99 bits. */
function generatePassword(): string {
  const character = (): string => READABLE.charAt(randomInt(READABLE.length));
  const group = (): string => Array.from({ length: 5 }, character).join('');
  return Array.from({ length: 4 }, group).join('-');
}
