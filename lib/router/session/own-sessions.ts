import { AuthError } from '../../errors.js';
import { readNotes } from '../../sessions/session-notes.js';
import type { Session } from '../../stores/store.js';
import type { Callers } from '../caller.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/** Lists the caller's own live sessions, the one used last first. */
export function listSessions({ sessions }: RouterParts, callers: Callers): Endpoint {
  return async function handleListSessions(req, res) {
    const { principal, user } = await callers.requireUser(req);
    const rows = await sessions.list(user.id);
    res.json({ sessions: rows.map((row) => describe(row, principal.sessionId)) });
  };
}

function describe(session: Session, currentId: string | undefined) {
  return {
    id: session.id,
    device: readNotes(session.data).device ?? null,
    created_at: new Date(session.createdAt).toISOString(),
    last_used_at: new Date(session.lastUsedAt).toISOString(),
    expires_at: new Date(session.idleExpiresAt).toISOString(),
    current: session.id === currentId,
  };
}

/** Ends one of the caller's own sessions. NOT_FOUND (404) for any other session. */
export function endSession({ sessions }: RouterParts, callers: Callers): Endpoint {
  return async function handleEndSession(req, res) {
    const { user } = await callers.requireUser(req);
    const rows = await sessions.list(user.id);
    const own = rows.find(({ id }) => id === req.params['id']);
    if (!own) throw new AuthError('NOT_FOUND');
    await sessions.revoke({ id: own.id }, 'ended_by_user');
    res.status(204).end();
  };
}
