import { z } from 'zod';
import { requestFacts } from '../../http/request-facts.js';
import { formerSessions } from '../browser-session.js';
import { AuthError, reusableError } from '../../errors.js';
import { presentPasswordSchema } from './present-password.js';
import type { LiveSession } from '../../sessions/sessions.js';
import type { StoredUser } from '../../stores/store.js';
import type { Callers } from '../caller.js';
import { type ChangeProof, createAddressProofs, type SignUpProof } from './address-proofs.js';
import { beginSession } from './begin-session.js';
import type { MailingOptions } from './forgot-password.js';
import { createKnownDevices } from './known-device.js';
import { deadToken, digestOf, fingerprintOf, reportRefusedToken } from './mailed-tokens.js';
import { createPasswordProof } from './prove-password.js';
import { usernameSchema } from './sign-up.js';
import { completeSignIn } from '../complete-sign-in.js';
import { limitAccounts } from '../rate-limits.js';
import { type Exchange, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import { passwordNotes, type SendTokens } from '../token-response.js';

interface VerifyEmailBody {
  readonly token: string;
  readonly password?: string | undefined;
  /** Normalised. In place of the one of the sign-up. */
  readonly username?: string | undefined;
  readonly delivery: 'body' | 'cookie';
}

export const verifyEmailSchema: z.ZodType<VerifyEmailBody> = z.strictObject({
  token: z.string().max(128),
  password: presentPasswordSchema.optional(),
  username: usernameSchema.optional(),
  delivery: z.enum(['body', 'cookie']).default('body'),
});

/**
 * Takes a token that was mailed to an address. A sign-up becomes an account, and the caller is signed in to it; an account
 * gets its new address, and the result is undefined. The token alone is not enough, since a stranger may have caused the mail: it
 * takes the password of the sign-up, and for a new address the account's password or a session of its user.
 * Rejects with INVALID_REQUEST (400) for a token that is unknown, used, expired or out of date; and with the token good
 * afterwards: INVALID_REQUEST for a missing password, INVALID_CREDENTIALS and CREDENTIALS_MISSING (401), CONFLICT (409) for an
 * address or user name that another account has, RATE_LIMITED (429), SERVER_BUSY (503).
 */
export type VerifyEmail = (
  exchange: Exchange,
  body: VerifyEmailBody,
) => Promise<LiveSession | undefined>;

export function createVerifyEmail(
  parts: RouterParts,
  { callers, options }: VerifyEmailContext,
): VerifyEmail {
  const proofs = createAddressProofs(parts, options);
  const spendAttempt = limitAccounts(parts, { name: 'verify-email', countsFailuresOnly: true });
  const openAccount = createAccountOpening(parts);
  const changeAddress = createAddressChange(parts, callers);
  return async function verifyAddress({ req, res }, body) {
    // Refused for two that differ, before the token is used up.
    formerSessions(parts, { req, res });
    // Otherwise the receiver of the mail could guess the password that the sender of the sign-up has chosen.
    await spendAttempt(req, res, digestOf(body.token));
    const redeeming = proofs.redeem(body.token, (proof) =>
      proof.kind === 'sign_up'
        ? openAccount({ req, res }, body, proof)
        : changeAddress({ req, res }, body, proof),
    );
    return redeeming.catch((error: unknown) =>
      reportRefusedToken(parts, req, { kind: 'address', error }),
    );
  };
}

/** Answers tokens for a sign-up, and 204 for a new address. */
export function verifyEmail(verifyAddress: VerifyEmail, sendTokens: SendTokens): Endpoint {
  return async function handleVerifyEmail(req, res) {
    const body = await readJsonBody({ req, res }, verifyEmailSchema);
    const live = await verifyAddress({ req, res }, body);
    if (live) await sendTokens(res, live);
    else res.status(204).end();
  };
}

function createAccountOpening(parts: RouterParts) {
  const { users, passwords, events, now } = parts;
  const devices = createKnownDevices(parts);
  return async function openAccount(
    { req, res }: Exchange,
    { password, delivery, ...body }: VerifyEmailBody,
    { email, passwordHash, ...asked }: SignUpProof,
  ): Promise<LiveSession> {
    if (password === undefined) throw passwordMissing;
    if (!(await passwords.verify(passwordHash, password)).matches) throw otherPassword;
    const username = body.username ?? asked.username;
    const begin = async (): Promise<LiveSession> => {
      const account = { username, email, emailVerified: true, passwordHash };
      const user = await users.create(account).catch(async (error: unknown) => {
        const owner = await ownerOf(parts, email, error);
        // An outage between account and session: the client comes again with the same token.
        if (owner?.passwordHash === passwordHash) return owner;
        throw owner ? emailTaken : usernameTaken;
      });
      const facts = requestFacts(req);
      events.emit('user.changed', { userId: user.id, change: 'created', by: undefined, ...facts });
      const notes = passwordNotes(req, delivery, now());
      return beginSession(parts, user, { notes, stale: deadToken });
    };
    const live = await completeSignIn(parts, { req, res }, { begin });
    await devices.remember(req, res, live.user);
    return live;
  };
}

function createAddressChange(parts: RouterParts, callers: Callers) {
  const { users, events, verifier } = parts;
  const provePassword = createPasswordProof(parts);

  /** Who opens the mail may be somebody else: an account of theirs must not end up with the address of a stranger. */
  async function proveOwner(
    { req, res }: Exchange,
    user: StoredUser,
    password: string | undefined,
  ): Promise<void> {
    if (password !== undefined) return provePassword({ req, res }, { user, password });
    const caller = await callers.requireUser(req);
    if (caller.user.id !== user.id)
      throw new AuthError('CREDENTIALS_MISSING', { realm: verifier.realm });
  }

  return async function changeAddress(
    { req, res }: Exchange,
    { password }: VerifyEmailBody,
    { userId, email, replaces }: ChangeProof,
  ): Promise<undefined> {
    const user = await users.findById(userId);
    if (!user || user.disabled || fingerprintOf(user) !== replaces) throw deadToken;
    await proveOwner({ req, res }, user, password);
    await users
      .update(user.id, (latest) => {
        if (latest.disabled || fingerprintOf(latest) !== replaces) throw deadToken;
        return { email, emailVerified: true };
      })
      .catch(async (error: unknown) => {
        throw (await ownerOf(parts, email, error)) ? emailTaken : error;
      });
    const facts = requestFacts(req);
    events.emit('user.changed', {
      ...{ userId: user.id, change: 'updated', fields: ['email', 'emailVerified'], by: user.id },
      ...facts,
    });
    return undefined;
  };
}

/** After a conflict: who has the address. Undefined when it is the user name that is taken. Rethrows any other failure. */
async function ownerOf(
  { users }: RouterParts,
  email: string,
  error: unknown,
): Promise<StoredUser | undefined> {
  if (error instanceof AuthError && error.code === 'CONFLICT') return users.findByLogin(email);
  throw error;
}

const passwordMissing = reusableError('INVALID_REQUEST', {
  reason: 'password_missing',
  errors: [
    { pointer: '#/password', detail: 'is missing; it is the one that was chosen at sign-up' },
  ],
});

const otherPassword = reusableError('INVALID_CREDENTIALS', {
  reason: 'sign_up_password',
  detail: 'The password is not the one that was chosen at this sign-up.',
});

/** Whoever has proven the address may know it. */
const emailTaken = reusableError('CONFLICT', {
  reason: 'email_taken',
  detail: 'There is an account with this e-mail address already.',
  errors: [{ pointer: '#/token', detail: 'is of an address that an account has', code: 'taken' }],
});

const usernameTaken = reusableError('CONFLICT', {
  reason: 'username_taken',
  detail: 'This user name is taken. Choose another one.',
  errors: [{ pointer: '#/username', detail: 'is taken', code: 'taken' }],
});

interface VerifyEmailContext {
  readonly callers: Callers;
  readonly options: MailingOptions;
}
