import { AuthError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import { loadPackage } from '../../loading/load-package.js';
import { isCostOfToday, readCost } from './hash.js';
import type { HashingQueue } from './hashing-queue.js';
import { passwordBytes } from './policy.js';

export interface PasswordVerdict {
  readonly matches: boolean;
  /** The hash was made with other parameters than today's, or by an older system. */
  readonly needsRehash: boolean;
  /** The stored hash is none that can be used. */
  readonly isBroken: boolean;
}

/** See `PasswordOptions.verifyForeign`. */
export type VerifyForeign = (
  hash: string | undefined,
  password: string,
) => boolean | undefined | Promise<boolean | undefined>;

interface VerificationContext {
  readonly queue: HashingQueue;
  readonly verifyForeign: VerifyForeign | undefined;
  readonly events: EventSink;
}

/**
 * Compares passwords with stored hashes. A wrong password takes one comparison of ours, and one of the hook where there is
 * one: with the stored hash, or with one that was made up. So the time tells neither which accounts exist, nor what kind of hash one
 * has.
 */
export function createVerification({
  queue,
  verifyForeign,
  events,
}: VerificationContext): (
  stored: string | undefined,
  password: string,
) => Promise<PasswordVerdict> {
  /** Undefined when the hash function cannot read the hash after all. */
  async function compare(stored: string, password: string): Promise<boolean | undefined> {
    const { verify: argon2 } = await loadPackage('@node-rs/argon2');
    return queue.run(() => argon2(stored, passwordBytes(password)).catch(() => undefined));
  }

  /** Undefined when the hook cannot read the hash. */
  async function compareForeign(
    hook: VerifyForeign,
    stored: string | undefined,
    password: string,
  ): Promise<boolean | undefined> {
    return queue.run(async () => {
      try {
        return await hook(stored, password);
      } catch {
        events.emit('hook.failed', { hook: 'verifyForeign' });
        // Without its cause, which may quote what the hook was given.
        throw new AuthError('STORE_UNAVAILABLE', { reason: 'verifyForeign' });
      }
    });
  }

  return async function verify(stored, password) {
    const cost = stored === undefined ? undefined : readCost(stored);
    const own = stored && cost ? await compare(stored, password) : undefined;
    if (cost && own) return { matches: true, needsRehash: !isCostOfToday(cost), isBroken: false };
    const foreignHash = cost ? undefined : stored;
    const foreign = verifyForeign && (await compareForeign(verifyForeign, foreignHash, password));
    if (foreignHash !== undefined && foreign === true)
      return { matches: true, needsRehash: true, isBroken: false };
    if (own === undefined) await compare(DUMMY_HASH, password);
    const verdict = own ?? (foreignHash === undefined ? undefined : foreign);
    const isBroken = stored !== undefined && verdict === undefined;
    return { matches: false, needsRehash: false, isBroken };
  };
}

/** Compared with when there is no hash of ours: that of random bytes that were not kept, at the current cost. */
const DUMMY_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$KLilf0u0DYv0JmqQSnyNRg$Gz85D6U8Ka1cS3z8qiRl8Hssgnc9Ed6yBxZg2E4vE7A';
