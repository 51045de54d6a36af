import { z } from 'zod';
import type { LiveSession } from '../../sessions/sessions.js';
import { createAttempts } from './attempts.js';
import { formerSessions } from '../browser-session.js';
import { createResetTokens, type MailingOptions } from './forgot-password.js';
import { createKnownDevices } from './known-device.js';
import { deadToken, fingerprintOf, reportRefusedToken } from './mailed-tokens.js';
import { replaceSession } from '../complete-sign-in.js';
import { type Exchange, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import { createSetPassword } from './set-password.js';
import type { SendTokens } from '../token-response.js';

interface ResetBody {
  readonly token: string;
  readonly new_password: string;
  readonly delivery: 'body' | 'cookie';
}

export const resetSchema: z.ZodType<ResetBody> = z.strictObject({
  token: z.string().max(128),
  new_password: z.string(),
  delivery: z.enum(['body', 'cookie']).default('body'),
});

/**
 * Sets a new password by a mailed token, and signs in. A token works once; afterwards it and all other tokens of the
 * user get INVALID_REQUEST (400). A password that the policy refuses (PASSWORD_POLICY, 400) doesn't use the token up.
 */
export type ResetPassword = (exchange: Exchange, body: ResetBody) => Promise<LiveSession>;

export function createResetPassword(parts: RouterParts, options: MailingOptions): ResetPassword {
  const { passwords, users } = parts;
  const tokens = createResetTokens(parts);
  const setPassword = createSetPassword(parts, options);
  const devices = createKnownDevices(parts);
  const attempts = createAttempts(parts);
  return async function resetByToken({ req, res }, { token, new_password: password, delivery }) {
    // Refused for two that differ, before the token is used up.
    formerSessions(parts, { req, res });
    const redeeming = tokens.redeem(token, async ({ userId, replaces }) => {
      const user = await users.findById(userId);
      if (!user || user.disabled || fingerprintOf(user) !== replaces) throw deadToken;
      await passwords.checkPolicy(password, { user, currentHash: user.passwordHash });
      const given = { user, password, delivery, reason: 'reset', stale: deadToken } as const;
      const live = await replaceSession(
        parts,
        { req, res },
        { begin: () => setPassword(req, given) },
      );
      // The owner of the address is not locked out by what strangers have tried.
      await attempts.forget(req, live.user);
      await devices.remember(req, res, live.user);
      return live;
    });
    return redeeming.catch((error: unknown) =>
      reportRefusedToken(parts, req, { kind: 'reset', error }),
    );
  };
}

export function resetPassword(resetByToken: ResetPassword, sendTokens: SendTokens): Endpoint {
  return async function handleResetPassword(req, res) {
    const body = await readJsonBody({ req, res }, resetSchema);
    await sendTokens(res, await resetByToken({ req, res }, body));
  };
}
