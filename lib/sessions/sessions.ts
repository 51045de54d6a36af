import { createRevocationCounts } from '../accounts/revocation-counts.js';
import type { RequestFacts } from '../events/auth-events.js';
import { numberInRange } from '../known-options.js';
import type {
  Session,
  SessionPage,
  SessionProvider,
  SessionSelector,
  StoredUser,
} from '../stores/store.js';
import { note, touch } from './change-session.js';
import { actorRefusal } from './impersonation.js';
import { judge, type PresentedToken } from './judge-token.js';
import { isAlive, type LiveSession, maySignIn, type SessionContext } from './live-session.js';
import { createRefresh, type TokenWay } from './refresh.js';
import { createRevocations, type RevocationsOptions } from './revocations.js';
import { scheduleSweeps } from './schedule-sweeps.js';
import { type Delivery, readNotes, type SessionNotes } from './session-notes.js';
import {
  type ProvenSignIn,
  start,
  startAfterSignIn,
  startProven,
  startUnchanged,
} from './start-session.js';

export type { LiveSession, ProvenSignIn };

/** How long sessions live and how their tokens are renewed. */
export interface SessionOptions extends Pick<RevocationsOptions, 'revocationLagSeconds'> {
  /**
   * Seconds after a rotation in which the former refresh token gets the same successor again, for clients that
   * lost the response or asked twice. 0 to 3600: a mobile app that is killed in mid-refresh asks again when it is opened. Time in which the store did not answer doesn't count, so an outage of the store
   * signs nobody out who asks again as Retry-After says (2 s after each 503): set it to 5 or more for that. It is also the time
   * for which a stolen token can be used without being noticed. @defaultValue `10`
   */
  readonly graceSeconds?: number;
}

/** What `session.revoked` says of the end of sessions beside its reason. */
export interface RevocationFacts extends RequestFacts {
  /** Whose sessions they are. @defaultValue the user that the selector names */
  readonly userId?: string | undefined;
  /** Id of the user who ends them. @defaultValue none: a rule, or the application */
  readonly by?: string | undefined;
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
   * Begins a session if the user is still as given: neither changed, disabled nor deleted since it was read. Undefined
   * otherwise. Checks no credential.
   *
   * @example
   * const user = await auth.users.findByLogin('alice');
   * const live = user && (await auth.sessions.startUnchanged(user, notes));
   */
  startUnchanged(
    user: StoredUser,
    notes: SessionNotes,
    provider?: SessionProvider,
  ): Promise<LiveSession | undefined>;
  /**
   * Like {@link Sessions.startUnchanged}, and undefined as well when sessions of this user, or of this user of the provider,
   * were ended since the sign-in was proven, up to ten minutes ago. For a sign-in that has to be proven again then.
   */
  startProven(user: StoredUser, proven: ProvenSignIn): Promise<LiveSession | undefined>;
  /**
   * Begins a session for a sign-in that was proven up to ten minutes ago. Rejects with LOGIN_FAILED (401) when
   * sessions of this user, or of this user of the provider, have been revoked since, and for a user who is gone or disabled.
   */
  startAfterSignIn(user: StoredUser, proven: ProvenSignIn): Promise<LiveSession>;
  /** Counts how often sessions of this user have been revoked. For {@link ProvenSignIn.revocationCount}. */
  revocationCount(userId: string, provider?: SessionProvider): Promise<string>;
  /**
   * Exchanges a refresh token for its successor. Rejects with REFRESH_INVALID (401) for a token that is malformed,
   * unknown, expired or revoked, and for a user who is gone or disabled; with REFRESH_REUSED (401) for a token that
   * was replaced before, outside its grace or two generations ago, which also revokes the session; and with
   * STORE_UNAVAILABLE (503), after which the same token may be tried again. `arrivedAt` is when the request came, in milliseconds
   * since 1970, where that was long before this call. @defaultValue now
   *
   * `way` is how the token came: one that is delivered the other way is refused, and nothing happens to its session.
   * @defaultValue either way. With `keyThumbprint` it is also whose key the client has proven to hold: a session that is bound to a key (DPoP)
   * is refused without it, and nothing happens to it either.
   */
  refresh(token: unknown, arrivedAt?: number, way?: Delivery | TokenWay): Promise<LiveSession>;
  /**
   * Returns the session that a refresh token would renew, without renewing it; undefined when
   * {@link Sessions.refresh} would refuse the token.
   */
  recognise(token: unknown, delivery?: Delivery): Promise<LiveSession | undefined>;
  /**
   * Returns the live session that a refresh token was issued for, however old the token is. Enough to end the
   * session, not to use it.
   */
  find(token: unknown, delivery?: Delivery): Promise<Session | undefined>;
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
   * difference between the instances' clocks. `reason` is a fixed word for the `session.revoked` event, `told` what else it says. Returns
   * how many sessions it ended.
   *
   * @example
   * await auth.sessions.revoke({ userId: user.id, except: principal.sessionId }, 'password_changed');
   */
  revoke(selector: SessionSelector, reason: string, told?: RevocationFacts): Promise<number>;
  /**
   * Tells whether access tokens of the session must be refused. From memory; a promise until the store has answered once,
   * and while this instance knows that it has not read all revocations: then the store is asked, and the promise rejects
   * with STORE_UNAVAILABLE (503) when it doesn't answer.
   */
  isRevoked(sessionId: string): boolean | Promise<boolean>;
  /** Tells whether the session is neither revoked nor expired, and whoever acts in it for its user still may. Asks the store. */
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
  /** Stops the timers: asking for revocations, deleting what has expired, reports to other instances. `auth.close()` calls it. */
  close(): Promise<void>;
}

/** Creates sessions over a store. Throws a TypeError for options out of range. */
export function createSessions(context: SessionContext, options: SessionOptions = {}): Sessions {
  const { sessions, now } = context;
  const graceMs = numberInRange(options.graceSeconds ?? 10, [0, 3600], 'graceSeconds') * 1000;
  const revocations = createRevocations(sessions, { ...options, ...context });
  const sweeps = scheduleSweeps(context);
  const counts = createRevocationCounts(context.once, now);
  const refreshing = createRefresh(context, { graceMs, revoke });

  async function revoke(
    selector: SessionSelector,
    reason: string,
    told: RevocationFacts = {},
  ): Promise<number> {
    // Counted first: a session that starts concurrently is either revoked here, or sees the count.
    await counts.add(selector);
    const ended = await sessions.revoke(selector, { now: now(), reason });
    revocations.add(ended);
    const { userId = 'userId' in selector ? selector.userId : undefined, by, requestId, ip } = told;
    for (const sessionId of ended)
      context.events.emit('session.revoked', { sessionId, userId, reason, by, requestId, ip });
    return ended.length;
  }

  async function findById(id: string): Promise<Session | undefined> {
    const session = await sessions.get(id);
    return session && isAlive(session, now()) ? session : undefined;
  }

  async function isLive(id: string): Promise<boolean> {
    const session = await findById(id);
    if (!session || readNotes(session.data).actor === undefined) return session !== undefined;
    const user = await context.users.findById(session.userId);
    return maySignIn(user) && (await actorRefusal(context, session, user)) === undefined;
  }

  return Object.freeze({
    start: (user: StoredUser, notes: SessionNotes, provider?: SessionProvider) =>
      start(context, user, { notes, provider }),
    refresh: refreshing.refresh,
    recognise: refreshing.recognise,
    find: (token: unknown, delivery?: Delivery) => find(context, { token, delivery }),
    startUnchanged: (user: StoredUser, notes: SessionNotes, provider?: SessionProvider) =>
      startUnchanged({ context, revoke }, user, { notes, provider }),
    startAfterSignIn: (user: StoredUser, proven: ProvenSignIn) =>
      startAfterSignIn({ context, counts, revoke }, user, proven),
    startProven: (user: StoredUser, proven: ProvenSignIn) =>
      startProven({ context, counts, revoke }, user, proven),
    revocationCount: (userId: string, provider?: SessionProvider) =>
      counts.of({ userId, provider }),
    findById,
    note: (id: string, change: Parameters<Sessions['note']>[1]) => note(context, id, change),
    touch: (session: Session) => touch(context, session),
    revoke,
    isRevoked: (sessionId: string) => revocations.has(sessionId),
    isLive,
    list: (userId: string, page?: SessionPage) => sessions.listByUser(userId, now(), page),
    ready: () => revocations.ready(),
    async close(): Promise<void> {
      revocations.close();
      sweeps.stop();
      await refreshing.close();
    },
  });
}

async function find(
  context: SessionContext,
  presented: PresentedToken,
): Promise<Session | undefined> {
  const verdict = await judge(context, presented);
  return 'refusal' in verdict ? undefined : verdict.session;
}
