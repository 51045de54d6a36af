import type { RequestFacts } from '../../events/auth-events.js';
import { tellImpersonationEnded } from '../../sessions/impersonation.js';
import { readNotes } from '../../sessions/session-notes.js';
import type { Session } from '../../stores/store.js';
import type { RouterParts } from '../parts.js';

type EndingParts = Pick<RouterParts, 'sessions' | 'events'>;

interface Ending extends RequestFacts {
  /** A fixed word. */
  readonly reason: string;
  /** Id of the user who ends it, where that is known. */
  readonly by?: string;
}

/** Ends a session, and tells so where another user acted in it. */
export async function endOneSession(
  { sessions, events }: EndingParts,
  session: Session,
  { reason, ...told }: Ending,
): Promise<void> {
  const { id, userId } = session;
  const ended = await sessions.revoke({ id }, reason, { userId, ...told });
  if (ended > 0) tellImpersonationEnded(events, session, reason);
}

/**
 * What a log-out means for the user who acted in a session that has ended. In a browser its cookie has replaced the one of
 * their own session, which nothing can use any more: it ends as well.
 */
export async function endActing(
  { sessions, events }: EndingParts,
  session: Session | undefined,
  request: RequestFacts,
): Promise<void> {
  const { actor, delivery } = session ? readNotes(session.data) : {};
  if (!session || !actor) return;
  tellImpersonationEnded(events, session, 'logout');
  const own = delivery === 'cookie' ? await sessions.findById(actor.sessionId) : undefined;
  if (own?.userId === actor.id && readNotes(own.data).delivery === 'cookie')
    await sessions.revoke({ id: own.id }, 'logout', {
      userId: own.userId,
      by: actor.id,
      ...request,
    });
}
