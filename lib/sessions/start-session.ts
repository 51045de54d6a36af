import { randomBytes } from 'node:crypto';
import type { RevocationCounts } from '../accounts/revocation-counts.js';
import { AuthError } from '../errors.js';
import type { NewSession, SessionProvider, SessionSelector, StoredUser } from '../stores/store.js';
import { type LiveSession, liveSession, maySignIn, type SessionContext } from './live-session.js';
import { type SessionNotes, writeNotes } from './session-notes.js';

export interface ProvenSignIn {
  readonly notes: SessionNotes;
  /** Undefined for a sign-in without a provider. */
  readonly provider?: SessionProvider | undefined;
  /** What `revocationCount()` returned before the sign-in was proven. */
  readonly revocationCount: string;
  /** How long the session may last at most, in seconds. @defaultValue as long as any */
  readonly lifeSeconds?: number | undefined;
}

const MOST_TRIES = 10;

interface Beginning {
  readonly notes: SessionNotes;
  readonly provider: SessionProvider | undefined;
  readonly lifeSeconds?: number | undefined;
}

interface Starting {
  readonly context: SessionContext;
  readonly counts: RevocationCounts;
  readonly revoke: (
    selector: SessionSelector,
    reason: string,
    told?: { readonly userId: string },
  ) => Promise<number>;
}

export async function start(
  context: SessionContext,
  user: StoredUser,
  beginning: Beginning,
): Promise<LiveSession> {
  const session = newSession(context, user, beginning);
  await context.sessions.create(session);
  return startedSession(context, user, session);
}

/** In one statement where sessions and users are in one database. Undefined when the user has changed meanwhile. */
export async function startUnchanged(
  { context, revoke }: Pick<Starting, 'context' | 'revoke'>,
  user: StoredUser,
  beginning: Beginning,
): Promise<LiveSession | undefined> {
  const { sessions, users } = context;
  const { joined } = sessions;
  if (joined?.users === users) {
    const session = newSession(context, user, beginning);
    const isCreated = await joined.create(session, user.version);
    return isCreated ? startedSession(context, user, session) : undefined;
  }
  const live = await start(context, user, beginning);
  // Read after the start: whoever changes the user later finds the session, and ends it.
  const latest = await users.findById(user.id);
  if (maySignIn(latest) && latest.version === user.version) return live;
  await revoke({ id: live.session.id }, 'user_changed', { userId: user.id });
  return undefined;
}

/** Undefined also when something of the user, or of the user of the provider, has ended since the sign-in was proven. */
export async function startProven(
  starting: Starting,
  user: StoredUser,
  { notes, provider, revocationCount, lifeSeconds }: ProvenSignIn,
): Promise<LiveSession | undefined> {
  const live = await startUnchanged(starting, user, { notes, provider, lifeSeconds });
  if (!live) return undefined;
  // Counted after the start, for the same reason for which `revoke` counts before it.
  const owner = { userId: user.id, provider };
  if (await starting.counts.areUnchanged(revocationCount, owner)) return live;
  await starting.revoke({ id: live.session.id }, 'ended_meanwhile', { userId: user.id });
  return undefined;
}

export async function startAfterSignIn(
  starting: Starting,
  user: StoredUser,
  proven: ProvenSignIn,
): Promise<LiveSession> {
  const { context, counts } = starting;
  let latest: StoredUser | undefined = user;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    // One try after the other: each begins from what the one before has found.
    // oxlint-disable-next-line no-await-in-loop
    const live = await startProven(starting, latest, proven);
    if (live) return live;
    const owner = { userId: user.id, provider: proven.provider };
    // oxlint-disable-next-line no-await-in-loop
    if (!(await counts.areUnchanged(proven.revocationCount, owner)))
      throw new AuthError('LOGIN_FAILED', { reason: 'ended_meanwhile' });
    // oxlint-disable-next-line no-await-in-loop
    latest = await context.users.findById(user.id);
    // What else may have changed about the user, such as a role, says nothing of the sign-in.
    if (!maySignIn(latest)) throw new AuthError('LOGIN_FAILED', { reason: 'user_gone' });
  }
  throw new AuthError('CONFLICT');
}

function newSession(
  { keys, now, ...ttl }: SessionContext,
  user: StoredUser,
  { notes, provider, lifeSeconds = Infinity }: Beginning,
): NewSession {
  const time = now();
  const expiresAt = time + Math.min(lifeSeconds, ttl.absoluteTtlSeconds) * 1000;
  return {
    id: randomBytes(16).toString('base64url'),
    userId: user.id,
    kid: keys.current.kid,
    salt: randomBytes(16).toString('base64url'),
    generation: 0,
    rotatedAt: time,
    createdAt: time,
    lastUsedAt: time,
    idleExpiresAt: Math.min(time + ttl.idleTtlSeconds * 1000, expiresAt),
    expiresAt,
    provider,
    data: writeNotes(notes),
  };
}

function startedSession(
  { keys }: SessionContext,
  user: StoredUser,
  session: NewSession,
): LiveSession {
  const created = { ...session, version: 0, revokedAt: undefined, revokedReason: undefined };
  return liveSession(created, user, keys);
}
