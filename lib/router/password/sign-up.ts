import { z } from 'zod';
import { requestFacts } from '../../http/request-facts.js';
import { isEmail, normaliseLogin } from '../../accounts/logins.js';
import { createAddressProofs } from './address-proofs.js';
import {
  createResetMail,
  emailSchema,
  type GoingOn,
  type MailingOptions,
} from './forgot-password.js';
import { afterReply } from './after-reply.js';
import { createKnownDevices } from './known-device.js';
import { sendQuietly } from './mail.js';
import { limitAccounts } from '../rate-limits.js';
import { type Exchange, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/** A user name in a body, normalised. */
export const usernameSchema: z.ZodType<string> = z
  .unknown()
  .meta({ type: 'string' })
  .transform((username, context) => {
    const login = normaliseLogin(username);
    if (login !== undefined && !isEmail(login)) return login;
    context.addIssue({ code: 'custom', message: 'is no user name' });
    return z.NEVER;
  });

interface SignUpBody {
  /** Normalised. */
  readonly email: string;
  readonly password: string;
  /** Normalised. */
  readonly username?: string | undefined;
}

export const signUpSchema: z.ZodType<SignUpBody> = z.strictObject({
  email: emailSchema,
  password: z.string(),
  username: usernameSchema.optional(),
});

/**
 * Asks for an account. There is none before the token that is mailed comes back with the password that was chosen here, so
 * that signing up with a stranger's address gives nothing. Who has an account with the address already is mailed that, with a
 * link to set a new password. What is mailed is decided after the reply; a known and an unknown address cost one hash each.
 * Rejects with PASSWORD_POLICY (400), RATE_LIMITED (429) and SERVER_BUSY (503), whether or not the address is known.
 */
export type SignUp = (exchange: Exchange, body: SignUpBody & GoingOn) => Promise<void>;

export function createSignUp(parts: RouterParts, options: MailingOptions): SignUp {
  const { users, passwords, events } = parts;
  const { sendMail } = options;
  const devices = createKnownDevices(parts);
  const proofs = createAddressProofs(parts, options);
  const mailReset = createResetMail(parts, options);
  const spendAttempt = limitAccounts(parts, { name: 'sign-up' });
  return async function askToSignUp({ req, res }, { email, username, password, returnTo }) {
    await passwords.checkPolicy(password, { user: { username, email }, member: 'password' });
    await spendAttempt(req, res, (await devices.countsOf(req, email)).ofLogin);
    const passwordHash = await passwords.hash(password);
    const facts = requestFacts(req);
    afterReply(parts, res, async () => {
      const user = await users.findByLogin(email);
      events.emit('sign_up.requested', { userId: user?.id, ...facts });
      if (user) return mailReset(user, 'account_exists', { returnTo });
      const asked = { kind: 'sign_up', email, username, passwordHash } as const;
      const proof = await proofs.issue(asked, { returnTo });
      const data = { ...proof, username };
      return sendQuietly(sendMail, { kind: 'sign_up', to: email, data }, events);
    });
  };
}

/** Always 202, with the same answer. */
export function signUp(askToSignUp: SignUp): Endpoint {
  return async function handleSignUp(req, res) {
    await askToSignUp({ req, res }, await readJsonBody({ req, res }, signUpSchema));
    res.status(202).json({});
  };
}
