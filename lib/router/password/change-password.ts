import { z } from 'zod';
import { reusableError } from '../../errors.js';
import { formerSessions } from '../browser-session.js';
import { presentPasswordSchema } from './present-password.js';
import type { LiveSession } from '../../sessions/sessions.js';
import type { Callers } from '../caller.js';
import { deviceTokenSchema } from './device-token.js';
import { createPasswordProof } from './prove-password.js';
import { type Exchange, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { AuthRouterOptions, RouterParts } from '../parts.js';
import { createSetPassword } from './set-password.js';
import type { SendTokens } from '../token-response.js';

interface ChangePasswordBody {
  readonly old_password: string;
  readonly new_password: string;
  readonly remove_identities: boolean;
  readonly device_token?: string | undefined;
}

export const changePasswordSchema: z.ZodType<ChangePasswordBody> = z.strictObject({
  old_password: presentPasswordSchema,
  new_password: z.string(),
  remove_identities: z.boolean().default(false),
  device_token: deviceTokenSchema,
});

/**
 * Sets a new password. The old one proves that it is the user, however old the session is. Attempts count with the
 * log-ins of the account, since they can be used to guess. Ends all other sessions, and with `remove_identities`
 * every other way to sign in.
 * Errors: INVALID_REQUEST and PASSWORD_POLICY (400), INVALID_CREDENTIALS (401), RATE_LIMITED (429).
 */
export type ChangePassword = (exchange: Exchange, body: ChangePasswordBody) => Promise<LiveSession>;

export function createChangePassword(
  parts: RouterParts,
  { callers, options }: ChangePasswordContext,
): ChangePassword {
  const { passwords, cookies } = parts;
  const setPassword = createSetPassword(parts, options);
  const provePassword = createPasswordProof(parts);
  return async function changeOwnPassword({ req, res }, { old_password: password, ...body }) {
    const { user } = await callers.requireAnyUser(req);
    const {
      new_password: next,
      device_token: deviceToken,
      remove_identities: removesIdentities,
    } = body;
    await provePassword({ req, res }, { user, password, deviceToken, wrong: wrongPassword });
    await passwords.checkPolicy(next, { user, currentHash: user.passwordHash });
    const delivery = formerSessions({ cookies }, { req, res }).length === 0 ? 'body' : 'cookie';
    const given = { user, password: next, reason: 'change', delivery, removesIdentities } as const;
    return setPassword(req, { ...given, stale: wrongPassword });
  };
}

export function changePassword(change: ChangePassword, sendTokens: SendTokens): Endpoint {
  return async function handleChangePassword(req, res) {
    const body = await readJsonBody({ req, res }, changePasswordSchema);
    await sendTokens(res, await change({ req, res }, body));
  };
}

const wrongPassword = reusableError('INVALID_CREDENTIALS', {
  detail: 'The old password is wrong.',
});

interface ChangePasswordContext {
  readonly callers: Callers;
  readonly options: AuthRouterOptions;
}
