import { requestFacts } from '../../http/request-facts.js';
import { type AuthError, reusableError } from '../../errors.js';
import type { StoredUser } from '../../stores/store.js';
import { createKnownDevices } from './known-device.js';
import { limitAccounts } from '../rate-limits.js';
import type { Exchange } from '../request-body.js';
import type { RouterParts } from '../parts.js';

/** A password that somebody gives, beside another proof, to show that they are this user. */
interface GivenPassword {
  readonly user: StoredUser;
  readonly password: string;
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
  const devices = createKnownDevices(parts);
  const spendAttempt = limitAccounts(parts, { name: 'account', countsFailuresOnly: true });
  return async function provePassword({ req, res }, { user, password, wrong = wrongPassword }) {
    const login = user.username ?? user.email ?? user.id;
    await spendAttempt(req, res, await devices.bucketOf(req, login));
    const { matches, isBroken } = await passwords.verify(user.passwordHash, password);
    if (isBroken) events.emit('password.hash_broken', { userId: user.id });
    if (matches) return;
    const reason = user.passwordHash === undefined ? 'no_password' : 'wrong_password';
    events.emit('login.failed', { reason, userId: user.id, ...requestFacts(req) });
    throw wrong;
  };
}

const wrongPassword = reusableError('INVALID_CREDENTIALS', { detail: 'The password is wrong.' });
