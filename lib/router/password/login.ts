import type { Request } from 'express';
import { z } from 'zod';
import { requestFacts } from '../../http/request-facts.js';
import { formerSessions } from '../browser-session.js';
import { AuthError } from '../../errors.js';
import { normaliseLogin, storedSpellings } from '../../accounts/logins.js';
import { presentPasswordSchema } from './present-password.js';
import type { LiveSession } from '../../sessions/sessions.js';
import type { StoredUser } from '../../stores/store.js';
import { createAttempts } from './attempts.js';
import { deviceTokenSchema } from './device-token.js';
import { createKnownDevices } from './known-device.js';
import { completeSignIn } from '../complete-sign-in.js';
import { type Exchange, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import { passwordNotes, type SendTokens } from '../token-response.js';

/** A log-in with a password, from JSON or the form of the sign-in page. */
interface PasswordLogin {
  /** Normalised. */
  readonly login: string;
  /** As it was given: an account of an earlier release may be stored under another spelling. */
  readonly given: string;
  readonly password: string;
  readonly delivery: 'body' | 'cookie';
  /** What an earlier token response gave this client. */
  readonly device_token?: string | undefined;
}

export const passwordLoginSchema: z.ZodType<PasswordLogin> = z
  .strictObject({
    username: z.unknown().meta({ type: 'string' }),
    email: z.unknown().meta({ type: 'string' }),
    password: presentPasswordSchema,
    delivery: z.enum(['body', 'cookie']).default('body'),
    device_token: deviceTokenSchema,
  })
  .partial({ username: true, email: true })
  .transform(({ username, email, ...rest }, context) => {
    const isEither = (username === undefined) !== (email === undefined);
    const given = isEither ? (username ?? email) : undefined;
    const name = normaliseLogin(given) ?? storedSpellings(given)[0];
    if (name !== undefined && typeof given === 'string') return { ...rest, login: name, given };
    context.addIssue({
      code: 'custom',
      path: [email === undefined ? 'username' : 'email'],
      message: isEither ? 'is no user name or e-mail address' : 'give either username or email',
    });
    return z.NEVER;
  });

/**
 * Signs in with a password. An unknown user, a wrong password, a disabled user and one without a password cost
 * the same hash and get the same answer. Errors: INVALID_REQUEST (400), INVALID_CREDENTIALS (401),
 * RATE_LIMITED (429), SERVER_BUSY and STORE_UNAVAILABLE (503).
 */
export function login(signIn: PasswordSignIn, sendTokens: SendTokens): Endpoint {
  return async function handleLogin(req, res) {
    const body = await readJsonBody({ req, res }, passwordLoginSchema);
    await sendTokens(res, await signIn({ req, res }, body));
  };
}

/** Signs a user in by password. Sets the cookie of a known device. Rejects as {@link login} does. */
export type PasswordSignIn = (exchange: Exchange, body: PasswordLogin) => Promise<LiveSession>;

export function createPasswordSignIn(parts: RouterParts): PasswordSignIn {
  const { sessions, now } = parts;
  const devices = createKnownDevices(parts);
  const attempts = createAttempts(parts);
  return async function signInWithPassword({ req, res }, body) {
    // Throws for two cookies of one name, before the attempt counts.
    formerSessions(parts, { req, res });
    const counts = await attempts.spendOnLogin({ req, res }, body.login, body.device_token);
    const mayTry = (found: StoredUser | undefined) => attempts.spendOnAccount(found, counts);
    const proven = await findByPassword(parts, req, { ...body, mayTry });
    const { user, revocationCount } = proven;
    attempts.giveBack(user, counts);
    const begin = async (): Promise<LiveSession> => {
      const notes = passwordNotes(req, body.delivery, now());
      const live = await sessions.startProven(user, { notes, revocationCount });
      if (live) return live;
      const latest = await proveAgain(parts, req, { user, password: body.password });
      const second = await sessions.startProven(latest, { notes, revocationCount });
      return second ?? refuse(parts, req, { reason: 'changed', userId: user.id });
    };
    const live = await completeSignIn(parts, { req, res }, { begin });
    await devices.remember(req, res, live.user);
    return live;
  };
}

/** Refuses a log-in. The reason goes to the event; the answer is always the same. */
function refuse({ events }: RouterParts, req: Request, { reason, userId }: Refusal): never {
  events.emit('login.failed', { reason, userId, ...requestFacts(req) });
  throw new AuthError('INVALID_CREDENTIALS');
}

interface Refusal {
  readonly reason: string;
  readonly userId: string | undefined;
}

interface PasswordAttempt extends Pick<PasswordLogin, 'given' | 'password'> {
  readonly mayTry: (user: StoredUser | undefined) => Promise<boolean>;
}

interface ProvenUser {
  readonly user: StoredUser;
  /** Which endings of the user's sessions the proof has seen. */
  readonly revocationCount: string;
}

async function findByPassword(
  parts: RouterParts,
  req: Request,
  { given, password, mayTry }: PasswordAttempt,
): Promise<ProvenUser> {
  const { users, passwords, sessions, events } = parts;
  const user = await users.findByLogin(given);
  // Beside the hash, which takes longer: the time doesn't tell who has two names.
  const [verdict, isWithinLimit, revocationCount] = await Promise.all([
    passwords.verify(user?.passwordHash, password),
    mayTry(user),
    // Asked for an unknown user as well: the time must not tell.
    sessions.revocationCount(user?.id ?? 'nobody'),
  ]);
  if (user && verdict.isBroken) events.emit('password.hash_broken', { userId: user.id });
  if (!user) return refuse(parts, req, { reason: 'unknown_user', userId: undefined });
  if (user.disabled) return refuse(parts, req, { reason: 'disabled', userId: user.id });
  if (!isWithinLimit) return refuse(parts, req, { reason: 'too_many', userId: user.id });
  if (user.passwordHash === undefined)
    return refuse(parts, req, { reason: 'no_password', userId: user.id });
  if (verdict.isBroken) return refuse(parts, req, { reason: 'bad_hash', userId: user.id });
  if (!verdict.matches) return refuse(parts, req, { reason: 'wrong_password', userId: user.id });
  const latest = verdict.needsRehash ? await rehash(parts, req, { user, password }) : user;
  return { user: latest, revocationCount };
}

/** Replaces a hash of older parameters. Whoever has got another one meanwhile is judged again. */
async function rehash(
  parts: RouterParts,
  req: Request,
  { user, password }: { readonly user: StoredUser; readonly password: string },
): Promise<StoredUser> {
  const { users, passwords } = parts;
  const passwordHash = await passwords.hash(password);
  const latest = await users
    .update(user.id, ({ passwordHash: present }) =>
      present === user.passwordHash ? { passwordHash } : {},
    )
    .catch(unlessDeleted);
  return latest?.passwordHash === passwordHash
    ? latest
    : proveAgain(parts, req, { user, password });
}

function unlessDeleted(error: unknown): undefined {
  if (error instanceof AuthError && error.code === 'NOT_FOUND') return undefined;
  throw error;
}

/**
 * Judges a user who was changed between the proof of the password and the start of the session: the password may be another one
 * by now, or the user disabled.
 */
async function proveAgain(
  parts: RouterParts,
  req: Request,
  { user, password }: { readonly user: StoredUser; readonly password: string },
): Promise<StoredUser> {
  const { users, passwords } = parts;
  const latest = await users.findById(user.id);
  const isSame = latest?.passwordHash === user.passwordHash;
  if (
    latest &&
    !latest.disabled &&
    (isSame || (await passwords.verify(latest.passwordHash, password)).matches)
  )
    return latest;
  return refuse(parts, req, { reason: 'changed', userId: user.id });
}
