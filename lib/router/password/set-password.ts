import type { Request } from 'express';
import { requestFacts } from '../../http/request-facts.js';
import type { AuthError } from '../../errors.js';
import type { LiveSession } from '../../sessions/sessions.js';
import type { SessionNotes } from '../../sessions/session-notes.js';
import type { StoredUser } from '../../stores/store.js';
import { unlinkIdentities } from '../session/identities.js';
import { beginSession } from './begin-session.js';
import { sendQuietly } from './mail.js';
import type { AuthRouterOptions, RouterParts } from '../parts.js';
import { passwordNotes } from '../token-response.js';

interface NewPassword {
  /** As read when the right to set a password was proven. */
  readonly user: StoredUser;
  readonly password: string;
  readonly reason: 'change' | 'reset';
  readonly delivery: SessionNotes['delivery'];
  /** Whether nobody can sign in with a provider any more. @defaultValue `false`; always so in a reset */
  readonly removesIdentities?: boolean;
  /** Thrown when the user has changed meanwhile, so that the proof no longer holds. */
  readonly stale: AuthError;
}

/** Sets a password that the user has chosen, begins a new session and ends all others. */
export type SetPassword = (req: Request, given: NewPassword) => Promise<LiveSession>;

/** Prepares what changing and resetting a password have in common. */
export function createSetPassword(
  parts: RouterParts,
  { sendMail }: Pick<AuthRouterOptions, 'sendMail'>,
): SetPassword {
  const { users, passwords, sessions, apiKeys, events, now } = parts;
  return async function setPassword(req, given) {
    const { user, password, reason, delivery, stale, removesIdentities = false } = given;
    const passwordHash = await passwords.hash(password);
    const isReset = reason === 'reset';
    const unlinking = { user, which: 'all', by: 'password' } as const;
    const told = { by: user.id, ...requestFacts(req) };
    // An intruder may have sessions, have linked an identity, and have made an API key. Before the update, so that an outage in between leaves no way in open.
    if (isReset) await sessions.revoke({ userId: user.id }, 'password_reset', told);
    if (isReset) await apiKeys.revokeAll(user.id, { by: 'password', ...requestFacts(req) });
    if (isReset || removesIdentities) await unlinkIdentities(parts, req, unlinking);
    const changed = await users.update(user.id, (latest) => {
      if (latest.passwordHash !== user.passwordHash || latest.disabled) throw stale;
      if (!isReset) return { passwordHash, mustResetPassword: false };
      // The token was mailed to this address, and proves no other one.
      if (latest.email !== user.email) throw stale;
      return { passwordHash, mustResetPassword: false, emailVerified: true };
    });
    const notes = passwordNotes(req, delivery, now());
    const live = await beginSession(parts, changed, { notes, stale });
    // For a reset: also what began or was being linked meanwhile.
    const except = live.session.id;
    await sessions.revoke({ userId: user.id, except }, `password_${reason}`, told);
    if (isReset) await apiKeys.revokeAll(user.id, { by: 'password', ...requestFacts(req) });
    if (isReset || removesIdentities) await unlinkIdentities(parts, req, unlinking);
    events.emit('password.changed', {
      ...{ userId: user.id, reason, sessionId: live.session.id },
      ...requestFacts(req),
    });
    if (sendMail && user.email !== undefined)
      parts.inBackground(
        sendQuietly(
          sendMail,
          { kind: 'password_changed', to: user.email, data: { userId: user.id } },
          events,
        ),
      );
    return live;
  };
}
