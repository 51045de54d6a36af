import type { EventSink } from '../events.js';
import type { Session, StoredUser } from '../stores/store.js';
import { isAlive, maySignIn, type SessionContext } from './live-session.js';
import { readNotes } from './session-notes.js';

/** Lets a user act as another one. */
export const IMPERSONATE = 'users:impersonate';
/** Lets a user manage users. */
export const MANAGE_USERS = 'users:admin';

/** Whether a user with these scopes is one of those as whom no other user acts: their rights would be the actor's. */
export function isProtected(scopes: readonly string[]): boolean {
  return scopes.includes(MANAGE_USERS) || scopes.includes(IMPERSONATE);
}

/** What the look at an actor needs of {@link SessionContext}. */
type ActorContext = Pick<SessionContext, 'sessions' | 'users' | 'scopesOf' | 'now'>;

/**
 * Returns why a session in which another user acts must not go on: the actor was disabled or deleted, lost the scope or ended
 * the session that they asked from, or the user has become an administrator. Undefined when it may, and for a user's own session.
 */
export async function actorRefusal(
  { sessions, users, scopesOf, now }: ActorContext,
  session: Pick<Session, 'data'>,
  user: StoredUser,
): Promise<string | undefined> {
  const { actor } = readNotes(session.data);
  if (!actor) return undefined;
  if (!scopesOf) return 'impersonation_off';
  if (isProtected(scopesOf(user))) return 'protected_user';
  const from = await sessions.get(actor.sessionId);
  if (from?.userId !== actor.id || !isAlive(from, now())) return 'actor_signed_out';
  const person = await users.findById(actor.id);
  if (!maySignIn(person)) return 'actor_gone';
  return scopesOf(person).includes(IMPERSONATE) ? undefined : 'actor_scope';
}

/** Tells that a session has ended in which another user acted. Says nothing of a user's own session. */
export function tellImpersonationEnded(
  events: EventSink,
  { id: sessionId, userId, data }: Pick<Session, 'id' | 'userId' | 'data'>,
  reason: string,
): void {
  const { actor } = readNotes(data);
  if (actor) events.emit('impersonation.ended', { userId, actorId: actor.id, sessionId, reason });
}
