import type { RequestFacts } from '../events/auth-events.js';
import type { Session, SessionOfUser } from '../stores/store.js';
import { isAlive, type SessionContext } from './live-session.js';
import { isGenuine, parseRefreshToken } from './refresh-token.js';
import { type Delivery, readNotes } from './session-notes.js';

/** A token's session, or why the token is refused. */
type Verdict<Found> = { readonly refusal: string } | (Found & GenuineToken);

/** A token as it was presented. */
export interface PresentedToken {
  readonly token: unknown;
  /** How it came; undefined where the application answers for that. */
  readonly delivery?: Delivery | undefined;
  /** Thumbprint of the key that its sender has proven to hold. */
  readonly keyThumbprint?: string | undefined;
  /** What events say of the request that it came in. */
  readonly request?: RequestFacts | undefined;
}

export interface GenuineToken {
  readonly session: Session;
  /** The token's own generation. The session may be ahead of it. */
  readonly generation: number;
}

/** Finds the session of a token. Checks the MAC before anything else of the session, and changes nothing. */
export function judge(
  context: SessionContext,
  presented: PresentedToken,
): Promise<Verdict<{ readonly session: Session }>> {
  return judgeRead(context, presented, async (id) => {
    const session = await context.sessions.get(id);
    return session && { session };
  });
}

/** As {@link judge}, with the user: in one statement where sessions and users are in one database. */
export async function judgeWithUser(
  context: SessionContext,
  presented: PresentedToken,
): Promise<Verdict<SessionOfUser>> {
  const { sessions, users } = context;
  const { joined } = sessions;
  if (joined?.users === users) return judgeRead(context, presented, (id) => joined.get(id));
  const verdict = await judge(context, presented);
  if ('refusal' in verdict) return verdict;
  return { ...verdict, user: await users.findById(verdict.session.userId) };
}

async function judgeRead<Found extends { readonly session: Session }>(
  { keys, now }: SessionContext,
  { token, delivery }: PresentedToken,
  read: (id: string) => Promise<Found | undefined>,
): Promise<Verdict<Found>> {
  const parts = parseRefreshToken(token);
  if (!parts || !keys.find(parts.kid)) return { refusal: 'malformed' };
  const found = await read(parts.sessionId);
  if (!found || !isGenuine(parts, found.session, keys)) return { refusal: 'unknown' };
  const { session } = found;
  // A token that was copied from a body must not live on as a cookie, which is read without being rotated; nor the other way round.
  if (delivery !== undefined && readNotes(session.data).delivery !== delivery)
    return { refusal: 'delivery' };
  if (session.revokedAt !== undefined) return { refusal: 'revoked' };
  if (!isAlive(session, now())) return { refusal: 'expired' };
  // The store was restored from a backup that is older than the token, whose rotations can no longer be checked.
  if (parts.generation > session.generation) return { refusal: 'future' };
  return { ...found, generation: parts.generation };
}
