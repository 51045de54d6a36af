import { randomInt } from 'node:crypto';
import { AuthError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import { numberInRange, refuseUnknownOptions, renamedOption } from '../../known-options.js';
import { loadPackage } from '../../load-package.js';
import { createHashingQueue, type HashingCounters, type HashingLimits } from './hashing-queue.js';
import { COST, isCostOfToday, readCost } from './hash.js';
import { flaw, passwordFlaw, spellPassword } from './policy.js';

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

export interface PasswordVerdict {
  readonly matches: boolean;
  /** The hash was made with other parameters than today's. */
  readonly needsRehash: boolean;
  /** The stored hash is none that can be used. */
  readonly isBroken: boolean;
}

export interface PolicyQuestion {
  readonly user: { readonly username?: string | undefined; readonly email?: string | undefined };
  readonly currentHash?: string | undefined;
  /** Member of the request's body that `errors` point to. @defaultValue `'new_password'` */
  readonly member?: 'password' | 'new_password';
}

/** Hashes passwords and checks new ones. Methods that hash may reject with SERVER_BUSY (503). */
export interface Passwords {
  /** Hashes with argon2id, m = 19 MiB, t = 2, p = 1 (RFC 9106). Returns a PHC string. Does not check the policy. */
  hash(password: string): Promise<string>;
  /** Compares a password with a stored hash. Takes the same time without a hash or with a broken one; `matches` is then false. */
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
  const { minLength = 15, isBlocked } = options;
  numberInRange(minLength, [8, 64], 'passwords.minLength');
  const queue = createHashingQueue(queueLimits(options, cores));

  async function hash(password: string): Promise<string> {
    const { hash: argon2 } = await loadPackage('@node-rs/argon2');
    return queue.run(() => argon2(prepare(password), COST));
  }

  /** Undefined when the hash function cannot read the hash after all. */
  async function compare(stored: string, password: string): Promise<boolean | undefined> {
    const { verify: argon2 } = await loadPackage('@node-rs/argon2');
    return queue.run(() => argon2(stored, prepare(password)).catch(() => undefined));
  }

  async function verify(stored: string | undefined, password: string): Promise<PasswordVerdict> {
    const cost = stored === undefined ? undefined : readCost(stored);
    const matches = stored && cost ? await compare(stored, password) : undefined;
    // The same work without a usable hash, so that the time doesn't tell which users exist.
    if (matches === undefined) await compare(DUMMY_HASH, password);
    return {
      matches: matches ?? false,
      needsRehash: cost !== undefined && !isCostOfToday(cost),
      isBroken: stored !== undefined && matches === undefined,
    };
  }

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
  'maxConcurrentHashes',
  'maxQueuedHashes',
  'hashesAtOnce',
  'mostWaiting',
];

/** Compared with when there is no such user: the hash of random bytes that were not kept, at the current cost. */
const DUMMY_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$KLilf0u0DYv0JmqQSnyNRg$Gz85D6U8Ka1cS3z8qiRl8Hssgnc9Ed6yBxZg2E4vE7A';

function prepare(password: string): Buffer {
  return Buffer.from(spellPassword(password));
}

/** No letters or digits that look alike. */
const READABLE = 'abcdefghjkmnpqrstuvwxyz23456789';

/** Four groups of five: 99 bits. */
function generatePassword(): string {
  const character = (): string => READABLE.charAt(randomInt(READABLE.length));
  const group = (): string => Array.from({ length: 5 }, character).join('');
  return Array.from({ length: 4 }, group).join('-');
}
