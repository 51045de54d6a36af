import type { Session, StoredUser } from '../stores/store.js';
import { actorRefusal } from './impersonation.js';
import { type GenuineToken, judgeWithUser, type PresentedToken } from './judge-token.js';
import {
  isAlive,
  type LiveSession,
  liveSession,
  maySignIn,
  type SessionContext,
} from './live-session.js';
import { readNotes } from './session-notes.js';

/** Whether a genuine token that was replaced before still gets its successor. */
export type IsInGrace = (former: GenuineToken) => boolean | Promise<boolean>;

/** What a refresh token is worth: a session, or the reason of its refusal and the session that has to end for it. */
export type Renewal =
  | { readonly live: LiveSession }
  | { readonly refusal: string; readonly ending?: Session };

/**
 * Judges a token and rotates its session: on one connection, and in this order, so that nothing that the answer depends on
 * can fail after the rotation.
 */
export function renew(
  context: SessionContext,
  presented: PresentedToken,
  isInGrace: IsInGrace,
): Promise<Renewal> {
  const onOneConnection = context.together ?? (<Result>(run: () => Promise<Result>) => run());
  return onOneConnection(async () => {
    const verdict = await judgeWithUser(context, presented);
    if ('refusal' in verdict) return verdict;
    const { session, user, generation } = verdict;
    // Before everything that could end the session: a thief without the key must not be able to.
    const { keyThumbprint } = readNotes(session.data);
    if (keyThumbprint !== undefined && keyThumbprint !== presented.keyThumbprint)
      return { refusal: 'other_key' };
    if (!maySignIn(user)) return { refusal: 'user_gone', ending: session };
    const byActor = await actorRefusal(context, session, user);
    if (byActor !== undefined) return { refusal: byActor, ending: session };
    if (generation < session.generation) return renewFormer(context, verdict, { user, isInGrace });
    const rotated = await rotate(context, session, presented.request);
    if (rotated) return { live: liveSession(rotated, user, context.keys) };
    // A concurrent request has rotated it first: its row has the same successor.
    const latest = await context.sessions.get(session.id);
    if (!latest || !isAlive(latest, context.now())) return { refusal: 'ended' };
    return renewFormer(context, { session: latest, generation }, { user, isInGrace });
  });
}

async function renewFormer(
  { keys }: SessionContext,
  token: GenuineToken,
  { user, isInGrace }: { readonly user: StoredUser; readonly isInGrace: IsInGrace },
): Promise<Renewal> {
  const { session } = token;
  if (await isInGrace(token)) return { live: liveSession(session, user, keys) };
  return { refusal: 'refresh_reused', ending: session };
}

async function rotate(
  { sessions, keys, events, now, idleTtlSeconds }: SessionContext,
  { id, generation }: Session,
  request: PresentedToken['request'] = {},
): Promise<Session | undefined> {
  const time = now();
  const rotated = await sessions.rotate(id, {
    generation,
    kid: keys.current.kid,
    now: time,
    idleExpiresAt: time + idleTtlSeconds * 1000,
  });
  const { requestId, ip } = request;
  const told = { requestId, ip };
  if (rotated)
    events.emit('refresh.rotated', { userId: rotated.userId, sessionId: rotated.id, ...told });
  return rotated;
}
