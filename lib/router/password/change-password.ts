import { z } from 'zod';
import { requestFacts } from '../../http/request-facts.js';
import { reusableError } from '../../errors.js';
import { isPasswordInput } from '../../accounts/passwords/passwords.js';
import type { Callers } from '../caller.js';
import { createKnownDevices } from './known-device.js';
import { limitAccounts } from '../rate-limits.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { AuthRouterOptions, RouterParts } from '../parts.js';
import { createSetPassword } from './set-password.js';
import type { SendTokens } from '../token-response.js';

const schema = z.strictObject({
  old_password: z.custom<string>(isPasswordInput, 'is text of 1 to 256 characters'),
  new_password: z.string(),
});

/**
 * Sets a new password. The old one proves that it is the user, however old the session is. Attempts count with the
 * log-ins of the account, since they can be used to guess. Ends all other sessions.
 * Errors: INVALID_REQUEST and PASSWORD_POLICY (400), INVALID_CREDENTIALS (401), RATE_LIMITED (429).
 */
export function changePassword(
  parts: RouterParts,
  { callers, sendTokens, options }: ChangePasswordContext,
): Endpoint {
  const { passwords, cookies, events } = parts;
  const setPassword = createSetPassword(parts, options);
  const devices = createKnownDevices(parts);
  const spendAttempt = limitAccounts(parts, { name: 'account', countsFailuresOnly: true });
  return async function handleChangePassword(req, res) {
    const { user } = await callers.requireAnyUser(req);
    const { old_password: old, new_password: password } = await readJsonBody({ req, res }, schema);
    const login = user.username ?? user.email ?? user.id;
    await spendAttempt(req, res, await devices.bucketOf(req, login));
    const { matches, isBroken } = await passwords.verify(user.passwordHash, old);
    if (isBroken) events.emit('password.hash_broken', { userId: user.id });
    if (!matches) {
      events.emit('login.failed', {
        reason: 'wrong_password',
        userId: user.id,
        ...requestFacts(req),
      });
      throw wrongPassword;
    }
    await passwords.checkPolicy(password, { user, currentHash: user.passwordHash });
    const delivery = cookies.read(req, 'session') === undefined ? 'body' : 'cookie';
    const live = await setPassword(req, {
      user,
      password,
      reason: 'change',
      delivery,
      stale: wrongPassword,
    });
    await sendTokens(res, live);
  };
}

const wrongPassword = reusableError('INVALID_CREDENTIALS', {
  detail: 'The old password is wrong.',
});

interface ChangePasswordContext {
  readonly callers: Callers;
  readonly sendTokens: SendTokens;
  readonly options: AuthRouterOptions;
}
