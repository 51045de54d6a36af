import { randomBytes } from 'node:crypto';
import type { RootKeys } from '../secrets/derived-keys.js';
import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { numberInRange } from '../known-options.js';
import { isGenuine, parseRefreshToken, refreshTokenOf } from './refresh-token.js';
import { createRevocationCounts, type RevocationCounts } from '../accounts/revocation-counts.js';
import { createRevocations, type RevocationsOptions } from './revocations.js';
import { scheduleSweeps } from './schedule-sweeps.js';
import { readNotes, type SessionNotes, writeNotes } from './session-notes.js';
import type {
  OnceStore,
  Session,
  SessionPage,
  SessionProvider,
  SessionSelector,
  SessionStore,
  StoredUser,
  UserStore,
} from '../stores/store.js';

/** How long sessions live and how their tokens are renewed. */
export interface SessionOptions extends Pick<RevocationsOptions, 'revocationLagSeconds'> {
  /**
   * Seconds after a rotation in which the former refresh token gets the same successor again, for clients that
   * lost the response or asked twice. 0 to 60. Choose it longer than an instance takes to restart: a client whose
   * response was lost with the instance, and that asks again later than this, is signed out. A stolen token can be
   * used for as long without being noticed. @defaultValue `10`
   */
  readonly graceSeconds?: number;
}

interface SessionContext {
  readonly sessions: SessionStore;
  readonly once: Pick<OnceStore, 'sweep' | 'incr'>;
  readonly users: Pick<UserStore, 'findById'>;
  readonly keys: RootKeys;
  readonly events: EventSink;
  readonly accessTtlSeconds: number;
  /** A session that is unused for so long ends. */
  readonly idleTtlSeconds: number;
  /** A session ends so long after it began. */
  readonly absoluteTtlSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A session that is neither revoked nor expired, of a user who is not disabled. */
export interface LiveSession {
  readonly session: Session;
  readonly notes: SessionNotes;
  readonly user: StoredUser;
  /** The current refresh token. Keep it out of logs and of URLs. */
  readonly refreshToken: string;
}

/**
 * Sessions with refresh tokens, kept in a store. A refresh token is computed from its session's row and a key, and
 * stored nowhere: a leaked database alone forges nothing, and neither does a leaked key. Times are in milliseconds
 * since 1970. Every method that asks the store may reject with STORE_UNAVAILABLE (503); the same call can be
 * repeated.
 */
export interface Sessions {
  /**
   * Begins a session for a user who has just signed in. Checks no credential. The caller makes sure that the user
   * is not disabled.
   *
   * @example
   * const { refreshToken } = await auth.sessions.start(user, {
   *   amr: ['pwd'], authTime: Date.now() / 1000, acr: undefined, device: undefined, delivery: 'body',
   * });
   */
  start(user: StoredUser, notes: SessionNotes, provider?: SessionProvider): Promise<LiveSession>;
  /**
   * Begins a session for a sign-in that was proven up to ten minutes ago. Rejects with LOGIN_FAILED (401) when
   * sessions of this user, or of this user of the provider, have been revoked since.
   */
  startAfterSignIn(user: StoredUser, proven: ProvenSignIn): Promise<LiveSession>;
  /** Counts how often sessions of this user have been revoked. For {@link ProvenSignIn.revocationCount}. */
  revocationCount(userId: string, provider: SessionProvider): Promise<string>;
  /**
   * Exchanges a refresh token for its successor. Rejects with REFRESH_INVALID (401) for a token that is malformed,
   * unknown, expired or revoked, and for a user who is gone or disabled; with REFRESH_REUSED (401) for a token that
   * was replaced before, outside its grace or two generations ago, which also revokes the session; and with
   * STORE_UNAVAILABLE (503), after which the same token may be tried again.
   */
  refresh(token: unknown): Promise<LiveSession>;
  /**
   * Returns the session that a refresh token would renew, without renewing it; undefined when
   * {@link Sessions.refresh} would refuse the token.
   */
  recognise(token: unknown): Promise<LiveSession | undefined>;
  /**
   * Returns the live session that a refresh token was issued for, however old the token is. Enough to end the
   * session, not to use it.
   */
  find(token: unknown): Promise<Session | undefined>;
  /**
   * Returns the live session with this id (`sid` of its access tokens). The id is public: make sure that the
   * session is the caller's.
   */
  findById(id: string): Promise<Session | undefined>;
  /**
   * Changes the notes of a session. `change` gets the latest notes, may be called again after a concurrent change,
   * and leaves the session alone by returning undefined. Returns the session as it is then; undefined when it has
   * ended. Rejects with CONFLICT (409) after ten concurrent changes.
   */
  note(
    id: string,
    change: (notes: SessionNotes) => SessionNotes | undefined,
  ): Promise<Session | undefined>;
  /** Extends the idle time of a session that is in use. Writes at most once a minute per session. */
  touch(session: Session): Promise<Session>;
  /**
   * Ends sessions. This instance refuses their access tokens at once, the others within `revocationLagSeconds` plus the
   * difference between the instances' clocks. `reason` is a fixed word for the `session.revoked` event. Returns how many
   * sessions it ended.
   *
   * @example
   * await auth.sessions.revoke({ userId: user.id, except: principal.sessionId }, 'password_changed');
   */
  revoke(selector: SessionSelector, reason: string): Promise<number>;
  /** Tells whether access tokens of the session must be refused. From memory; a promise until the store has answered once. */
  isRevoked(sessionId: string): boolean | Promise<boolean>;
  /** Tells whether the session is neither revoked nor expired. Asks the store. */
  isLive(sessionId: string): Promise<boolean>;
  /**
   * Returns a user's live sessions, the one that began last first, up to 100 or `limit` of them.
   *
   * @example
   * const first = await auth.sessions.list(user.id);
   * const second = await auth.sessions.list(user.id, { after: first.at(-1) });
   */
  list(userId: string, page?: SessionPage): Promise<readonly Session[]>;
  /** Resolves when the store has told which sessions are revoked; rejects with STORE_UNAVAILABLE (503). */
  ready(): Promise<void>;
  /** Stops the timers: asking for revocations, deleting what has expired. `auth.close()` calls it. */
  close(): void;
}

export interface ProvenSignIn {
  readonly notes: SessionNotes;
  readonly provider: SessionProvider;
  /** What `revocationCount()` returned when the sign-in was proven. */
  readonly revocationCount: string;
}

/** A token's session, or why the token is refused. */
type Verdict = { readonly refusal: string } | GenuineToken;

interface GenuineToken {
  readonly session: Session;
  /** The token's own generation. The session may be ahead of it. */
  readonly generation: number;
  /** When the token reached us, before the store was asked. */
  readonly arrivedAt: number;
}

/** Creates sessions over a store. Throws a TypeError for options out of range. */
export function createSessions(context: SessionContext, options: SessionOptions = {}): Sessions {
  const { sessions, now } = context;
  const graceMs = numberInRange(options.graceSeconds ?? 10, [0, 60], 'graceSeconds') * 1000;
  const revocations = createRevocations(sessions, { ...options, ...context });
  const sweeps = scheduleSweeps(context);
  const counts = createRevocationCounts(context.once, now);

  async function revoke(selector: SessionSelector, reason: string): Promise<number> {
    // Counted first: a session that starts concurrently is either revoked here, or sees the count.
    await counts.add(selector);
    const ended = await sessions.revoke(selector, { now: now(), reason });
    revocations.add(ended);
    for (const sessionId of ended) context.events.emit('session.revoked', { sessionId, reason });
    return ended.length;
  }

  async function findById(id: string): Promise<Session | undefined> {
    const session = await sessions.get(id);
    return session && isAlive(session, now()) ? session : undefined;
  }

  async function refresh(token: unknown): Promise<LiveSession> {
    const verdict = await judge(context, token);
    if ('refusal' in verdict) throw invalid(verdict.refusal);
    const renewed = await renew(context, verdict);
    if (renewed === undefined) throw invalid('ended');
    const { session, rotatedHere } = renewed;
    if (!rotatedHere && !isCurrentOrInGrace(session, verdict, graceMs)) {
      if ((await revoke({ id: session.id }, 'refresh_reused')) > 0)
        context.events.emit('refresh.reused', { userId: session.userId, sessionId: session.id });
      throw new AuthError('REFRESH_REUSED');
    }
    const live = await describe(context, session);
    if (live) return live;
    await revoke({ id: session.id }, 'user_gone');
    throw invalid('user_gone');
  }

  return Object.freeze({
    start: (user: StoredUser, notes: SessionNotes, provider?: SessionProvider) =>
      start(context, user, { notes, provider }),
    refresh,
    recognise: (token: unknown) => recognise(context, graceMs, token),
    find: (token: unknown) => find(context, token),
    startAfterSignIn: (user: StoredUser, proven: ProvenSignIn) =>
      startAfterSignIn({ context, counts, revoke }, user, proven),
    revocationCount: (userId: string, provider: SessionProvider) => counts.of(userId, provider),
    findById,
    note: (id: string, change: Parameters<Sessions['note']>[1]) => note(context, id, change),
    touch: (session: Session) => touch(context, session),
    revoke,
    isRevoked: (sessionId: string) => revocations.has(sessionId),
    isLive: async (sessionId: string) => (await findById(sessionId)) !== undefined,
    list: (userId: string, page?: SessionPage) => sessions.listByUser(userId, now(), page),
    ready: () => revocations.ready(),
    close(): void {
      revocations.close();
      sweeps.stop();
    },
  });
}

function invalid(reason: string): AuthError {
  return new AuthError('REFRESH_INVALID', { reason });
}

function isAlive({ revokedAt, idleExpiresAt, expiresAt }: Session, now: number): boolean {
  return revokedAt === undefined && now < idleExpiresAt && now < expiresAt;
}

/**
 * The current token, or the one before it within its grace. The grace is counted to the token's arrival: the time that
 * the store has taken since then is not the client's. A token two generations old is reused, however soon: its
 * successor has been used.
 */
function isCurrentOrInGrace(
  { generation: current, rotatedAt }: Session,
  { generation, arrivedAt }: GenuineToken,
  graceMs: number,
): boolean {
  if (generation === current) return true;
  return generation === current - 1 && arrivedAt - rotatedAt <= graceMs;
}

interface Beginning {
  readonly notes: SessionNotes;
  readonly provider: SessionProvider | undefined;
}

async function start(
  { sessions, keys, now, ...ttl }: SessionContext,
  user: StoredUser,
  { notes, provider }: Beginning,
): Promise<LiveSession> {
  const time = now();
  const expiresAt = time + ttl.absoluteTtlSeconds * 1000;
  const session = {
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
  await sessions.create(session);
  const created = { ...session, version: 0, revokedAt: undefined, revokedReason: undefined };
  return { session: created, notes, user, refreshToken: tokenOf(created, keys) };
}

interface Starting {
  readonly context: SessionContext;
  readonly counts: RevocationCounts;
  readonly revoke: Sessions['revoke'];
}

async function startAfterSignIn(
  { context, counts, revoke }: Starting,
  user: StoredUser,
  { notes, provider, revocationCount }: ProvenSignIn,
): Promise<LiveSession> {
  const live = await start(context, user, { notes, provider });
  // Counted after the start, for the same reason for which `revoke` counts before it.
  if ((await counts.of(user.id, provider)) === revocationCount) return live;
  await revoke({ id: live.session.id }, 'ended_meanwhile');
  throw new AuthError('LOGIN_FAILED', { reason: 'ended_meanwhile' });
}

const MOST_TRIES = 10;

async function note(
  { sessions, now }: SessionContext,
  id: string,
  change: Parameters<Sessions['note']>[1],
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

async function touch(
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

/** Finds the session of a token. Checks the MAC before anything else of the session, and changes nothing. */
async function judge({ sessions, keys, now }: SessionContext, token: unknown): Promise<Verdict> {
  const arrivedAt = now();
  const parts = parseRefreshToken(token);
  if (!parts || !keys.find(parts.kid)) return { refusal: 'malformed' };
  const session = await sessions.get(parts.sessionId);
  if (!session || !isGenuine(parts, session, keys)) return { refusal: 'unknown' };
  if (session.revokedAt !== undefined) return { refusal: 'revoked' };
  if (!isAlive(session, now())) return { refusal: 'expired' };
  // The store was restored from a backup that is older than the token, whose rotations can no longer be checked.
  if (parts.generation > session.generation) return { refusal: 'future' };
  return { session, generation: parts.generation, arrivedAt };
}

async function recognise(
  context: SessionContext,
  graceMs: number,
  token: unknown,
): Promise<LiveSession | undefined> {
  const verdict = await judge(context, token);
  if ('refusal' in verdict || !isCurrentOrInGrace(verdict.session, verdict, graceMs))
    return undefined;
  return describe(context, verdict.session);
}

async function find(context: SessionContext, token: unknown): Promise<Session | undefined> {
  const verdict = await judge(context, token);
  return 'refusal' in verdict ? undefined : verdict.session;
}

interface Renewed {
  readonly session: Session;
  /** By this call, not by a concurrent one or an earlier one. */
  readonly rotatedHere: boolean;
}

/**
 * Rotates the session if the token is its current one. Otherwise, and when a concurrent request has rotated it first,
 * returns the row as it is now, and with it the same successor. Undefined when the session has ended meanwhile.
 */
async function renew(
  { sessions, keys, events, now, idleTtlSeconds }: SessionContext,
  { session, generation }: GenuineToken,
): Promise<Renewed | undefined> {
  if (generation < session.generation) return { session, rotatedHere: false };
  const time = now();
  const rotated = await sessions.rotate(session.id, {
    generation,
    kid: keys.current.kid,
    now: time,
    idleExpiresAt: time + idleTtlSeconds * 1000,
  });
  if (rotated) {
    events.emit('refresh.rotated', { userId: rotated.userId, sessionId: rotated.id });
    return { session: rotated, rotatedHere: true };
  }
  const latest = await sessions.get(session.id);
  return latest && isAlive(latest, time) ? { session: latest, rotatedHere: false } : undefined;
}

/** Adds user and refresh token. Undefined when the user is gone or disabled. */
async function describe(
  { users, keys }: SessionContext,
  session: Session,
): Promise<LiveSession | undefined> {
  const user = await users.findById(session.userId);
  if (!user || user.disabled) return undefined;
  return { session, notes: readNotes(session.data), user, refreshToken: tokenOf(session, keys) };
}

/**
 * Computes the session's current refresh token. Its key may be known to newer instances only, during a key rotation that
 * was rolled out in the wrong order; a retry that reaches one of them succeeds.
 */
function tokenOf(session: Session, keys: RootKeys): string {
  const token = refreshTokenOf(session, keys);
  if (token === undefined) throw new AuthError('KEYS_UNAVAILABLE', { reason: 'unknown_key' });
  return token;
}
