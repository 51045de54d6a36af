import { AuthError } from '../errors.js';
import type { Session } from '../stores/store.js';
import { isAlive, type SessionContext } from './live-session.js';
import { readNotes, type SessionNotes, writeNotes } from './session-notes.js';

const MOST_TRIES = 10;

/** Changes the notes of a live session, and again after a concurrent change. Undefined when the session has ended. */
export async function note(
  { sessions, now }: SessionContext,
  id: string,
  change: (notes: SessionNotes) => SessionNotes | undefined,
): Promise<Session | undefined> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const session = await sessions.get(id);
    if (!session || !isAlive(session, now())) return undefined;
    const notes = change(readNotes(session.data));
    if (!notes) return session;
    const { version } = session;
    const changed = await sessions.update(id, { version, data: writeNotes(notes) });
    if (changed) return changed;
  }
  throw new AuthError('CONFLICT');
}

const TOUCH_MS = 60_000;

export async function touch(
  { sessions, now, idleTtlSeconds }: SessionContext,
  session: Session,
): Promise<Session> {
  const time = now();
  if (time < session.lastUsedAt + TOUCH_MS) return session;
  const touched = await sessions.update(session.id, {
    version: session.version,
    lastUsedAt: time,
    idleExpiresAt: time + idleTtlSeconds * 1000,
  });
  // A concurrent request has touched the session, or it has ended, which the next look at it shows.
  return touched ?? session;
}
