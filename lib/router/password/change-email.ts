import { z } from 'zod';
import { presentPasswordSchema } from './present-password.js';
import { requestFacts } from '../../http/request-facts.js';
import type { StoredUser } from '../../stores/store.js';
import type { Callers } from '../caller.js';
import { createAddressProofs } from './address-proofs.js';
import { createResetMail, emailSchema, type MailingOptions } from './forgot-password.js';
import { afterReply } from './after-reply.js';
import { deviceTokenSchema } from './device-token.js';
import { createKnownDevices } from './known-device.js';
import { requireFreshCaller } from '../fresh-sign-in.js';
import { sendQuietly } from './mail.js';
import { fingerprintOf } from './mailed-tokens.js';
import { createPasswordProof } from './prove-password.js';
import { limitAccounts } from '../rate-limits.js';
import { type Exchange, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

interface ChangeEmailBody {
  /** Normalised. */
  readonly email: string;
  readonly password?: string | undefined;
  readonly device_token?: string | undefined;
}

export const changeEmailSchema: z.ZodType<ChangeEmailBody> = z.strictObject({
  email: emailSchema,
  password: presentPasswordSchema.optional(),
  device_token: deviceTokenSchema,
});

/**
 * Asks for another address, or for the proof of the present one. It counts once its token came back; until then, and when
 * another account has it, nothing changes. The present address is told. The caller gives the password, or has signed in within the last ten
 * minutes. Rejects with CREDENTIALS_MISSING, INVALID_CREDENTIALS and AUTH_CONTEXT_REQUIRED (401), RATE_LIMITED (429) and
 * SERVER_BUSY (503).
 */
export type ChangeEmail = (exchange: Exchange, body: ChangeEmailBody) => Promise<void>;

export function createChangeEmail(
  parts: RouterParts,
  { callers, options }: ChangeEmailContext,
): ChangeEmail {
  const devices = createKnownDevices(parts);
  const provePassword = createPasswordProof(parts);
  const mailAddresses = createAddressMails(parts, options);
  const spendAttempt = limitAccounts(parts, { name: 'sign-up' });
  return async function askToChangeEmail(
    { req, res },
    { email, password, device_token: deviceToken },
  ) {
    const { user, principal } = await callers.requireUser(req);
    if (password !== undefined) await provePassword({ req, res }, { user, password, deviceToken });
    else await requireFreshCaller(parts, principal);
    // Neither may this user mail to many addresses, nor many users to this address.
    for (const target of [user.id, email])
      await spendAttempt(req, res, (await devices.countsOf(req, target)).ofLogin);
    parts.events.emit('email.change_requested', { userId: user.id, ...requestFacts(req) });
    afterReply(parts, res, () => mailAddresses(user, email));
  };
}

/** Always 202, with the same answer. */
export function changeEmail(askToChangeEmail: ChangeEmail): Endpoint {
  return async function handleChangeEmail(req, res) {
    await askToChangeEmail({ req, res }, await readJsonBody({ req, res }, changeEmailSchema));
    res.status(202).json({});
  };
}

function createAddressMails(parts: RouterParts, options: MailingOptions) {
  const { users, events } = parts;
  const { sendMail } = options;
  const proofs = createAddressProofs(parts, options);
  const mailReset = createResetMail(parts, options);

  async function mailNewAddress(user: StoredUser, email: string): Promise<unknown> {
    const owner = await users.findByLogin(email);
    if (owner && owner.id !== user.id) return mailReset(owner, 'account_exists');
    const { id: userId } = user;
    const proof = await proofs.issue({
      kind: 'change',
      userId,
      email,
      replaces: fingerprintOf(user),
    });
    const data = { ...proof, userId };
    return sendQuietly(sendMail, { kind: 'email_change', to: email, data }, events);
  }

  return async function mailAddresses(user: StoredUser, email: string): Promise<void> {
    const { email: present, emailVerified, id: userId } = user;
    if (email === present && emailVerified) return;
    if (present !== undefined && present !== email) {
      const data = { userId, newEmail: email };
      await sendQuietly(sendMail, { kind: 'email_change_requested', to: present, data }, events);
    }
    await mailNewAddress(user, email);
  };
}

interface ChangeEmailContext {
  readonly callers: Callers;
  readonly options: MailingOptions;
}
