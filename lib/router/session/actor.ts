import { readNotes } from '../../sessions/session-notes.js';
import type { Session, StoredUser } from '../../stores/store.js';
import type { RouterParts } from '../parts.js';

/** Who acts in a session that is another user's, as it stands in answers. Times are ISO 8601. */
interface ActorFacts {
  readonly id: string;
  /** What the actor is called; null for one who is gone. */
  readonly name: string | null;
  readonly reason: string;
  readonly since: string;
  readonly until: string;
}

/** What a user is called where they are not the reader. */
export function nameOf({ username, email, id }: StoredUser): string {
  return username ?? email ?? id;
}

/** Returns who acts in a session; undefined in the user's own. */
export async function actorOf(
  { users }: Pick<RouterParts, 'users'>,
  session: Session,
): Promise<ActorFacts | undefined> {
  const { actor } = readNotes(session.data);
  if (!actor) return undefined;
  const user = await users.findById(actor.id);
  return {
    id: actor.id,
    name: user ? nameOf(user) : null,
    reason: actor.reason,
    since: new Date(session.createdAt).toISOString(),
    until: new Date(session.expiresAt).toISOString(),
  };
}
