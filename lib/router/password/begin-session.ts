import type { AuthError } from '../../errors.js';
import type { LiveSession } from '../../sessions/sessions.js';
import type { SessionNotes } from '../../sessions/session-notes.js';
import type { StoredUser } from '../../stores/store.js';
import type { RouterParts } from '../parts.js';

interface Beginning {
  readonly notes: SessionNotes;
  /** Thrown when the user is disabled, deleted, or has another password by now. */
  readonly stale: AuthError;
}

const MOST_TRIES = 10;

/** Begins a session for a user who has just set or proven the password that they were read with. Other facts may change meanwhile. */
export async function beginSession(
  { sessions, users }: Pick<RouterParts, 'sessions' | 'users'>,
  user: StoredUser,
  { notes, stale }: Beginning,
): Promise<LiveSession> {
  let latest: StoredUser | undefined = user;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    if (!latest || latest.disabled || latest.passwordHash !== user.passwordHash) break;
    const live = await sessions.startUnchanged(latest, notes);
    if (live) return live;
    latest = await users.findById(user.id);
  }
  throw stale;
}
