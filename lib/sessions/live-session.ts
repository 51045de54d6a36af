import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import type { RootKeys } from '../secrets/derived-keys.js';
import type {
  CredentialStore,
  InstanceStore,
  OnceStore,
  Session,
  SessionStore,
  Store,
  StoredUser,
  UserStore,
} from '../stores/store.js';
import { refreshTokenOf } from './refresh-token.js';
import { readNotes, type SessionNotes } from './session-notes.js';
import type { StoreSilence } from './store-silence.js';

export interface SessionContext {
  readonly sessions: SessionStore;
  readonly once: Pick<OnceStore, 'add' | 'del' | 'incr' | 'sweep'>;
  readonly users: Pick<UserStore, 'findById'>;
  /** Those that have ended are deleted with the sessions. */
  readonly credentials: Pick<CredentialStore, 'sweep'>;
  readonly together?: Store['together'];
  readonly instances: InstanceStore;
  /** Hears of every operation of the store. */
  readonly silence: StoreSilence;
  readonly keys: RootKeys;
  readonly events: EventSink;
  readonly accessTtlSeconds: number;
  /** A session that is unused for so long ends. */
  readonly idleTtlSeconds: number;
  /** A session ends so long after it began. */
  readonly absoluteTtlSeconds: number;
  /** The scopes that the user of today gets. Without it no session goes on in which another user acts. */
  readonly scopesOf?: ((user: StoredUser) => readonly string[]) | undefined;
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

export function liveSession(session: Session, user: StoredUser, keys: RootKeys): LiveSession {
  return { session, notes: readNotes(session.data), user, refreshToken: tokenOf(session, keys) };
}

export function maySignIn(user: StoredUser | undefined): user is StoredUser {
  return user !== undefined && !user.disabled;
}

export function isAlive({ revokedAt, idleExpiresAt, expiresAt }: Session, now: number): boolean {
  return revokedAt === undefined && now < idleExpiresAt && now < expiresAt;
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
