import { requestFacts } from '../../http/request-facts.js';
import { type AuthError, reusableError } from '../../errors.js';
import type { StoredUser } from '../../stores/store.js';
import { createAttempts } from './attempts.js';
import type { Exchange } from '../request-body.js';
import type { RouterParts } from '../parts.js';

/** A password that somebody gives, beside another proof, to show that they are this user. */
interface GivenPassword {
  readonly user: StoredUser;
  readonly password: string;
  /** Of the body, where the request has one. */
  readonly deviceToken?: string | undefined;
  /** Thrown for a wrong one. @defaultValue INVALID_CREDENTIALS (401) */
  readonly wrong?: AuthError;
}

/**
 * Judges such a password. Attempts count with the log-ins of the account, since they can be used to guess. Rejects with
 * INVALID_CREDENTIALS (401), RATE_LIMITED (429) and SERVER_BUSY (503).
 */
export type ProvePassword = (exchange: Exchange, given: GivenPassword) => Promise<void>;

export function createPasswordProof(parts: RouterParts): ProvePassword {
  const { passwords, events } = parts;
  const attempts = createAttempts(parts);
  return async function provePassword({ req, res }, { user, password, ...given }) {
    const counts = await attempts.spendAsUser({ req, res }, user, given.deviceToken);
    const { matches, isBroken } = await passwords.verify(user.passwordHash, password);
    if (isBroken) events.emit('password.hash_broken', { userId: user.id });
    if (matches) return attempts.giveBack(user, counts);
    const reason = user.passwordHash === undefined ? 'no_password' : 'wrong_password';
    events.emit('login.failed', { reason, userId: user.id, ...requestFacts(req) });
    throw given.wrong ?? wrongPassword;
  };
}

const wrongPassword = reusableError('INVALID_CREDENTIALS', { detail: 'The password is wrong.' });
