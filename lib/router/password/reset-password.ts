import { createHash, randomBytes } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import { requestFacts } from '../../http/request-facts.js';
import { reusableError } from '../../errors.js';
import { isRecord } from '../../is-record.js';
import { isEmail, normaliseLogin } from '../../accounts/logins.js';
import type { LiveSession } from '../../sessions/sessions.js';
import type { StoredUser } from '../../stores/store.js';
import { createKnownDevices } from './known-device.js';
import { type SendMail, sendQuietly } from './mail.js';
import { replaceSession } from '../complete-sign-in.js';
import { limitAccounts } from '../rate-limits.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { AuthRouterOptions, RouterParts } from '../parts.js';
import { createSetPassword } from './set-password.js';
import type { SendTokens } from '../token-response.js';

const forgotSchema = z.strictObject({
  email: z.unknown().transform((email, context) => {
    const login = normaliseLogin(email);
    if (login !== undefined && isEmail(login)) return login;
    context.addIssue({ code: 'custom', message: 'is no e-mail address' });
    return z.NEVER;
  }),
});

/** The options, `sendMail` included. */
type ResetOptions = AuthRouterOptions & { readonly sendMail: SendMail };

/**
 * Mails a link to set a new password. Always 202, at once: the address is looked up after the reply, so that the answer
 * doesn't tell whether it is known.
 */
export function forgotPassword(parts: RouterParts, options: ResetOptions): Endpoint {
  const devices = createKnownDevices(parts);
  const spendAttempt = limitAccounts(parts, { name: 'reset' });
  return async function handleForgotPassword(req, res) {
    const { email } = await readJsonBody({ req, res }, forgotSchema);
    await spendAttempt(req, res, await devices.bucketOf(req, email));
    res.status(202).json({});
    const facts = requestFacts(req);
    parts.inBackground(
      // A failure of the store is its own event; the user can ask again.
      mailReset(parts, options, email).then(
        (userId) => parts.events.emit('password.reset_requested', { userId, ...facts }),
        () => undefined,
      ),
    );
  };
}

/** What a reset token stands for. */
interface ResetRow {
  readonly userId: string;
  /** Fingerprint of address and password when the mail was sent. Once either changes, all tokens of the user are dead. */
  readonly replaces: string;
  readonly expiresAt: number;
}

/** Returns the id of the user a mail was sent to. */
async function mailReset(
  { users, store: { once }, config, events, now }: RouterParts,
  { sendMail, resetTokenSeconds = 3600, resetPasswordPage = '/reset-password' }: ResetOptions,
  email: string,
): Promise<string | undefined> {
  const user = await users.findByLogin(email);
  if (!user?.email || user.disabled) return undefined;
  const token = randomBytes(32).toString('base64url');
  const expiresAt = now() + resetTokenSeconds * 1000;
  const life = { now: now(), expiresAt };
  const former = await once.take(latestKey(user.id), now());
  if (former !== undefined) await once.del(former);
  const row: ResetRow = { userId: user.id, replaces: fingerprint(user), expiresAt };
  await once.add(latestKey(user.id), tokenKey(token), life);
  await once.add(tokenKey(token), JSON.stringify(row), life);
  const page = new URL(resetPasswordPage, config.publicUrl ?? 'http://localhost');
  page.hash = `token=${token}`;
  const data = {
    userId: user.id,
    url: page.href,
    token,
    expiresAt: new Date(expiresAt).toISOString(),
  };
  await sendQuietly(sendMail, { kind: 'password_reset', to: user.email, data }, events);
  return user.id;
}

/** Only a digest is stored: a leaked store resets no password. */
function tokenKey(token: string): string {
  return `reset:${createHash('sha256').update(token).digest('base64url')}`;
}

/** Under which the key of a user's latest token is stored. */
function latestKey(userId: string): string {
  return `reset-latest:${userId}`;
}

function fingerprint({ passwordHash = '', email = '' }: StoredUser): string {
  return createHash('sha256').update(`${email}\n${passwordHash}`).digest('base64url');
}

const resetSchema = z.strictObject({
  token: z.string().max(128),
  new_password: z.string(),
  delivery: z.enum(['body', 'cookie']).default('body'),
});

/**
 * Sets a new password by a mailed token, and signs in. A token works once; afterwards it and all other tokens of the
 * user get INVALID_REQUEST (400). A password that the policy refuses (PASSWORD_POLICY, 400) doesn't use the token up.
 */
export function resetPassword(
  parts: RouterParts,
  options: ResetOptions,
  sendTokens: SendTokens,
): Endpoint {
  const {
    passwords,
    users,
    store: { once },
    now,
  } = parts;
  const setPassword = createSetPassword(parts, options);
  async function reset(req: Request, body: ResetBody, row: ResetRow): Promise<LiveSession> {
    const user = await users.findById(row.userId);
    if (!user || user.disabled || fingerprint(user) !== row.replaces) throw deadToken;
    const { new_password: password, delivery } = body;
    await passwords.checkPolicy(password, { user, currentHash: user.passwordHash });
    return setPassword(req, { user, password, delivery, reason: 'reset', stale: deadToken });
  }

  return async function handleResetPassword(req, res) {
    const body = await readJsonBody({ req, res }, resetSchema);
    // Refused for two that differ, before the token is used up.
    parts.cookies.read(req, 'session');
    const key = tokenKey(body.token);
    const taken = await once.take(key, now());
    const row = taken === undefined ? undefined : parseRow(taken);
    if (taken === undefined || !row) throw deadToken;
    const begin = () =>
      reset(req, body, row).catch(async (error: unknown) => {
        // A token must not be lost to a refused password or an outage.
        if (error !== deadToken)
          await once.add(key, taken, { now: now(), expiresAt: row.expiresAt });
        throw error;
      });
    const live = await replaceSession(parts, { req, res }, begin);
    await once.del(latestKey(row.userId));
    await sendTokens(res, live);
  };
}

type ResetBody = z.output<typeof resetSchema>;

const deadToken = reusableError('INVALID_REQUEST', {
  reason: 'reset_token',
  errors: [{ pointer: '#/token', detail: 'is not valid, or not any more', code: 'invalid_token' }],
});

function parseRow(text: string): ResetRow | undefined {
  const row: unknown = JSON.parse(text);
  if (!isRecord(row)) return undefined;
  const { userId, replaces, expiresAt } = row;
  if (typeof userId !== 'string' || typeof replaces !== 'string') return undefined;
  return { userId, replaces, expiresAt: Number(expiresAt) };
}
