import { randomBytes } from 'node:crypto';
import type { RootKeys } from '../secrets/derived-keys.js';
import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { numberInRange } from '../known-options.js';
import { isGenuine, parseRefreshToken, refreshTokenOf } from './refresh-token.js';
import { createEndings, type Endings } from './endings.js';
import { createRevocations, type RevocationsOptions } from './revocations.js';
import { readNotes, type SessionNotes, writeNotes } from './session-notes.js';
import type {
  OnceStore,
  Session,
  SessionProvider,
  SessionSelector,
  SessionStore,
  StoredUser,
  UserStore,
} from '../stores/store.js';

/** How long sessions live and how their tokens are renewed. */
export interface SessionOptions extends Pick<RevocationsOptions, 'revocationLagSeconds'> {
  /**
   * How long after a rotation the former refresh token still gets the same successor, for clients that lost
   * the answer or asked twice. 0 to 60. A thief has as long to go unnoticed. @defaultValue `10`
   */
  readonly graceSeconds?: number;
}

interface SessionContext {
  readonly sessions: SessionStore;
  /** Swept along. */
  readonly once: Pick<OnceStore, 'sweep' | 'incr'>;
  readonly users: Pick<UserStore, 'findById'>;
  readonly keys: RootKeys;
  readonly events: EventSink;
  readonly accessTtlSeconds: number;
  /** A session ends when unused for so long. */
  readonly idleTtlSeconds: number;
  /** A session ends so long after it began. */
  readonly absoluteTtlSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A session with its owner and its refresh token, as it stands now. */
export interface LiveSession {
  readonly session: Session;
  readonly notes: SessionNotes;
  readonly user: StoredUser;
  readonly refreshToken: string;
}

/**
 * Refresh-token sessions over a store. Of a refresh token only its MAC has to be kept secret, and nobody
 * keeps it: a leaked database or a leaked key alone forges nothing.
 */
export interface Sessions {
  /** Begins a session for somebody who has just proved who they are, to us or to an identity provider. */
  start(user: StoredUser, notes: SessionNotes, provider?: SessionProvider): Promise<LiveSession>;
  /**
   * Begins a session for a sign-in that was proven a while ago, unless sessions of that user, or of that user of the
   * provider, have been ended since. Rejects with LOGIN_FAILED (401).
   */
  startProven(user: StoredUser, proven: ProvenSignIn): Promise<LiveSession>;
  /** How often sessions of this user have been ended, to be handed to `startProven` later, within ten minutes. */
  endingsOf(userId: string, provider: SessionProvider): Promise<string>;
  /**
   * Exchanges a refresh token for its successor. Rejects with REFRESH_INVALID or REFRESH_REUSED (401), or
   * STORE_UNAVAILABLE (503), after which the same token may be tried again.
   */
  refresh(token: unknown): Promise<LiveSession>;
  /** The session that a refresh token stands for, without changing it; undefined if it would not be renewed. */
  recognise(token: unknown): Promise<LiveSession | undefined>;
  /** The live session that a refresh token belongs to, however old the token: enough to end it, not to use it. */
  find(token: unknown): Promise<Session | undefined>;
  /** The live session of this id. For those who know otherwise that it is theirs. */
  findById(id: string): Promise<Session | undefined>;
  /**
   * Changes what is noted of a session; tries again when somebody else changed the session meanwhile. Answers the
   * session as it is then; undefined when it has ended. Undefined from `change` changes nothing.
   */
  note(
    id: string,
    change: (notes: SessionNotes) => SessionNotes | undefined,
  ): Promise<Session | undefined>;
  /** Moves the end of an unused session that is being used; at most once a minute, however often it is asked. */
  touch(session: Session): Promise<Session>;
  /** Ends sessions, here at once and elsewhere within the lag. Answers how many ended by this. */
  revoke(selector: SessionSelector, reason: string): Promise<number>;
  /** Answers whether the session's access tokens must be refused, from memory. */
  isRevoked(sessionId: string): boolean | Promise<boolean>;
  /** Answers whether the session lives, from the store. */
  isLive(sessionId: string): Promise<boolean>;
  /** A user's live sessions, the one used last first. */
  list(userId: string): Promise<readonly Session[]>;
  ready(): Promise<void>;
  /** Stops what runs in the background. */
  close(): void;
}

export interface ProvenSignIn {
  readonly notes: SessionNotes;
  readonly provider: SessionProvider;
  /** What `endingsOf` said when the sign-in was proven. */
  readonly endings: string;
}

/** Why a refresh token is refused, or the session that it belongs to. */
type Verdict = { readonly refusal: string } | { readonly session: Session; readonly age: number };

/** Creates sessions over a store. Throws a TypeError for options out of range. */
export function createSessions(context: SessionContext, options: SessionOptions = {}): Sessions {
  const { sessions, now } = context;
  const graceMs = numberInRange(options.graceSeconds ?? 10, [0, 60], 'graceSeconds') * 1000;
  const revocations = createRevocations(sessions, { ...options, ...context });
  const sweeping = sweepNowAndThen(context);
  const endings = createEndings(context.once, now);

  async function revoke(selector: SessionSelector, reason: string): Promise<number> {
    // Counted first: a session that begins at this moment is either among those that are ended, or sees the count.
    await endings.count(selector);
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
    const { session, isOurs } = renewed;
    const generation = verdict.session.generation - verdict.age;
    if (!isOurs && !isCurrentOrInGrace(session, generation, now() - graceMs)) {
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
    startProven: (user: StoredUser, proven: ProvenSignIn) =>
      startProven({ context, endings, revoke }, user, proven),
    endingsOf: (userId: string, provider: SessionProvider) => endings.of(userId, provider),
    findById,
    note: (id: string, change: Parameters<Sessions['note']>[1]) => note(context, id, change),
    touch: (session: Session) => touch(context, session),
    revoke,
    isRevoked: (sessionId: string) => revocations.has(sessionId),
    isLive: async (sessionId: string) => (await findById(sessionId)) !== undefined,
    list: (userId: string) => sessions.listByUser(userId, now()),
    ready: () => revocations.ready(),
    close(): void {
      revocations.close();
      sweeping.stop();
    },
  });
}

function invalid(reason: string): AuthError {
  return new AuthError('REFRESH_INVALID', { reason });
}

function isAlive({ revokedAt, idleExpiresAt, expiresAt }: Session, now: number): boolean {
  return revokedAt === undefined && now < idleExpiresAt && now < expiresAt;
}

/** The current token, or the one before it within its grace. Anything older has been replaced and answered. */
function isCurrentOrInGrace(session: Session, generation: number, graceBegan: number): boolean {
  const age = session.generation - generation;
  return age === 0 || (age === 1 && session.rotatedAt >= graceBegan);
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
  readonly endings: Endings;
  readonly revoke: Sessions['revoke'];
}

async function startProven(
  { context, endings, revoke }: Starting,
  user: StoredUser,
  { notes, provider, endings: before }: ProvenSignIn,
): Promise<LiveSession> {
  const live = await start(context, user, { notes, provider });
  if ((await endings.of(user.id, provider)) === before) return live;
  await revoke({ id: live.session.id }, 'ended_meanwhile');
  throw new AuthError('LOGIN_FAILED', { reason: 'ended_meanwhile' });
}

/** So many changes of one session at the same moment are more than a coincidence. */
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
  // Somebody else has changed it this moment, and with it the time, or it has ended; the next question tells.
  return touched ?? session;
}

/** Finds the session of a token. Looks at the MAC before anything else of the session, and changes nothing. */
async function judge({ sessions, keys, now }: SessionContext, token: unknown): Promise<Verdict> {
  const parts = parseRefreshToken(token);
  if (!parts || !keys.find(parts.kid)) return { refusal: 'malformed' };
  const session = await sessions.get(parts.sessionId);
  if (!session || !isGenuine(parts, session, keys)) return { refusal: 'unknown' };
  if (session.revokedAt !== undefined) return { refusal: 'revoked' };
  if (!isAlive(session, now())) return { refusal: 'expired' };
  // From the future: the store was set back to an older state. It cannot be told from a replay.
  if (parts.generation > session.generation) return { refusal: 'future' };
  return { session, age: session.generation - parts.generation };
}

async function recognise(
  context: SessionContext,
  graceMs: number,
  token: unknown,
): Promise<LiveSession | undefined> {
  const verdict = await judge(context, token);
  if ('refusal' in verdict) return undefined;
  const { session, age } = verdict;
  return isCurrentOrInGrace(session, session.generation - age, context.now() - graceMs)
    ? describe(context, session)
    : undefined;
}

async function find(context: SessionContext, token: unknown): Promise<Session | undefined> {
  const verdict = await judge(context, token);
  return 'refusal' in verdict ? undefined : verdict.session;
}

/**
 * Rotates the session if the token is its current one. Who loses the race, or comes again within the grace,
 * gets the row as the winner left it, and so the same successor. Undefined when the session has ended meanwhile.
 */
async function renew(
  { sessions, keys, events, now, idleTtlSeconds }: SessionContext,
  { session, age }: Extract<Verdict, { session: Session }>,
): Promise<{ readonly session: Session; readonly isOurs: boolean } | undefined> {
  if (age > 0) return { session, isOurs: false };
  const time = now();
  const rotated = await sessions.rotate(session.id, {
    generation: session.generation,
    kid: keys.current.kid,
    now: time,
    idleExpiresAt: time + idleTtlSeconds * 1000,
  });
  if (rotated) {
    events.emit('refresh.rotated', { userId: rotated.userId, sessionId: rotated.id });
    return { session: rotated, isOurs: true };
  }
  const latest = await sessions.get(session.id);
  return latest && isAlive(latest, time) ? { session: latest, isOurs: false } : undefined;
}

/** Adds owner and token. Undefined when the owner is gone or disabled. */
async function describe(
  { users, keys }: SessionContext,
  session: Session,
): Promise<LiveSession | undefined> {
  const user = await users.findById(session.userId);
  if (!user || user.disabled) return undefined;
  return { session, notes: readNotes(session.data), user, refreshToken: tokenOf(session, keys) };
}

/**
 * The one refresh token that the session stands at: computed, never stored. Its key may be one that only newer
 * instances know, in the middle of a rotation done in the wrong order: a retry that reaches one of them succeeds.
 */
function tokenOf(session: Session, keys: RootKeys): string {
  const token = refreshTokenOf(session, keys);
  if (token === undefined) throw new AuthError('KEYS_UNAVAILABLE', { reason: 'unknown_key' });
  return token;
}

const SWEEP_MS = 3_600_000;

/** Once an hour, at a random moment, so that instances don't all sweep at once. */
function sweepNowAndThen({ sessions, once, now, accessTtlSeconds }: SessionContext): {
  stop(): void;
} {
  // A revocation is kept as long as an access token can outlive it, and a day for those who look.
  const keepMs = accessTtlSeconds * 1000 + 86_400_000;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const later = (): void => {
    if (isStopped) return;
    timer = setTimeout(
      () => {
        // A failure is the store's event; the next time is soon enough.
        void Promise.all([sessions.sweep(now() - keepMs), once.sweep(now())]).then(later, later);
      },
      SWEEP_MS * (0.5 + Math.random()),
    ).unref();
  };
  later();
  return {
    stop(): void {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
