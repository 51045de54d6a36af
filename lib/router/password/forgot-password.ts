import { z } from 'zod';
import { requestFacts } from '../../http/request-facts.js';
import { isEmail, normaliseLogin } from '../../accounts/logins.js';
import type { StoredUser } from '../../stores/store.js';
import { afterReply } from './after-reply.js';
import { deviceTokenSchema } from './device-token.js';
import { createKnownDevices } from './known-device.js';
import { type SendMail, sendQuietly } from './mail.js';
import {
  createMailedTokens,
  fingerprintOf,
  type MailedTokens,
  mailedLink,
} from './mailed-tokens.js';
import { limitAccounts } from '../rate-limits.js';
import { type Exchange, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { AuthRouterOptions, RouterParts } from '../parts.js';

/** An e-mail address in a body, normalised. */
export const emailSchema: z.ZodType<string> = z
  .unknown()
  .meta({ type: 'string' })
  .transform((email, context) => {
    const login = normaliseLogin(email);
    if (login !== undefined && isEmail(login)) return login;
    context.addIssue({ code: 'custom', message: 'is no e-mail address' });
    return z.NEVER;
  });

interface ForgotBody {
  /** Normalised. */
  readonly email: string;
  readonly device_token?: string | undefined;
}

export const forgotSchema: z.ZodType<ForgotBody> = z.strictObject({
  email: emailSchema,
  device_token: deviceTokenSchema,
});

/** The options of a router that sends mails. */
export type MailingOptions = AuthRouterOptions & { readonly sendMail: SendMail };

/**
 * Mails a link to set a new password, once the reply has been sent: the address is looked up then, so that the answer doesn't
 * tell whether it is known. Links that were mailed before stay good. Rejects with RATE_LIMITED (429).
 */
export type ForgotPassword = (exchange: Exchange, body: ForgotBody & GoingOn) => Promise<void>;

/** Where the user wants to go in the end. */
export interface GoingOn {
  /** A place of the application, for links to our own pages. */
  readonly returnTo?: string | undefined;
}

export function createForgotPassword(parts: RouterParts, options: MailingOptions): ForgotPassword {
  const { users, events } = parts;
  const devices = createKnownDevices(parts);
  const spendAttempt = limitAccounts(parts, { name: 'reset' });
  const mailReset = createResetMail(parts, options);
  return async function askForReset({ req, res }, body) {
    const { email, device_token: deviceToken, returnTo } = body;
    await spendAttempt(req, res, (await devices.countsOf(req, email, deviceToken)).ofLogin);
    const facts = requestFacts(req);
    afterReply(parts, res, async () => {
      const user = await users.findByLogin(email);
      const isMailed =
        user !== undefined && (await mailReset(user, 'password_reset', { returnTo }));
      events.emit('password.reset_requested', { userId: isMailed ? user.id : undefined, ...facts });
    });
  };
}

/** Always 202, at once. */
export function forgotPassword(askForReset: ForgotPassword): Endpoint {
  return async function handleForgotPassword(req, res) {
    await askForReset({ req, res }, await readJsonBody({ req, res }, forgotSchema));
    res.status(202).json({});
  };
}

/** What a reset token stands for. */
interface ResetRow {
  readonly userId: string;
  /** Fingerprint of the user when the mail was sent. */
  readonly replaces: string;
  readonly expiresAt: number;
}

const rowSchema: z.ZodType<ResetRow> = z.object({
  userId: z.string(),
  replaces: z.string(),
  expiresAt: z.number(),
});

export type ResetTokens = MailedTokens<ResetRow>;

export function createResetTokens(parts: RouterParts): ResetTokens {
  return createMailedTokens(parts, { kind: 'reset', schema: rowSchema });
}

/** Mails a link that sets a new password. Returns false for a user who can't have one: without an address, or disabled. */
export type ResetMail = (
  user: StoredUser,
  kind: 'password_reset' | 'account_exists',
  goingOn?: GoingOn,
) => Promise<boolean>;

export function createResetMail(
  parts: RouterParts,
  { sendMail, resetTokenSeconds = 3600, resetPasswordPage: page }: MailingOptions,
): ResetMail {
  const tokens = createResetTokens(parts);
  return async function mailReset(user, kind, { returnTo } = {}) {
    if (user.email === undefined || user.disabled) return false;
    const expiresAt = parts.now() + resetTokenSeconds * 1000;
    const row = { userId: user.id, replaces: fingerprintOf(user), expiresAt };
    const token = await tokens.issue(row);
    const data = {
      userId: user.id,
      url: mailedLink(parts, { page, own: '/reset-password', token, query: { returnTo } }),
      token,
      expiresAt: new Date(expiresAt).toISOString(),
    };
    await sendQuietly(sendMail, { kind, to: user.email, data }, parts.events);
    return true;
  };
}
