import type { Request } from 'express';
import { requestFacts } from '../../http/request-facts.js';
import type { AuthError } from '../../errors.js';
import type { LiveSession } from '../../sessions/sessions.js';
import type { SessionNotes } from '../../sessions/session-notes.js';
import type { StoredUser } from '../../stores/store.js';
import { sendQuietly } from './mail.js';
import type { AuthRouterOptions, RouterParts } from '../parts.js';
import { passwordNotes } from '../token-response.js';

interface NewPassword {
  /** As it was when the right to set a password was proven. */
  readonly user: StoredUser;
  readonly password: string;
  readonly reason: 'change' | 'reset';
  readonly delivery: SessionNotes['delivery'];
  /** Thrown when somebody else was faster, and what was proven is not true any more. */
  readonly stale: AuthError;
}

/** Sets a password the user has chosen, begins a new session and ends all others. */
export type SetPassword = (req: Request, given: NewPassword) => Promise<LiveSession>;

/** Prepares what change and reset have in common. */
export function createSetPassword(
  parts: RouterParts,
  { sendMail }: Pick<AuthRouterOptions, 'sendMail'>,
): SetPassword {
  const { users, passwords, sessions, identities, events, now } = parts;
  return async function setPassword(req, { user, password, reason, delivery, stale }) {
    const passwordHash = await passwords.hash(password);
    const isReset = reason === 'reset';
    // Whoever had a way in may have made it themselves. First, so that an outage in between leaves no way open.
    if (isReset) await identities.unlinkAll(user.id);
    const changed = await users.update(user.id, (latest) => {
      if (latest.passwordHash !== user.passwordHash || latest.disabled) throw stale;
      // Who resets a password has read a mail to the user's address.
      const proven = isReset && { emailVerified: true };
      return { passwordHash, mustResetPassword: false, ...proven };
    });
    const live = await sessions.start(changed, passwordNotes(req, delivery, now()));
    await sessions.revoke({ userId: user.id, except: live.session.id }, `password_${reason}`);
    // And one that was being made meanwhile.
    if (isReset) await identities.unlinkAll(user.id);
    events.emit('password.changed', { userId: user.id, reason, ...requestFacts(req) });
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
