import { AuthError } from '../errors.js';
import type { Principal } from '../principal.js';
import { readNotes } from '../sessions/session-notes.js';
import type { Session } from '../stores/store.js';
import type { RouterParts } from './parts.js';

/** Greatest age of the sign-in behind a change of how an account is signed in to. Seconds. */
export const MAX_AGE_SECONDS = 600;

/**
 * Rejects with AUTH_CONTEXT_REQUIRED (401) unless the session's user has signed in actively within the last ten minutes, and
 * not with an identity that was added of late: what outlasts every session takes more than a copied or forgotten one. By
 * `auth_time`, not the session's age: a provider may have signed a user in without asking.
 */
export async function requireFreshSignIn(
  { identities, verifier, now }: Pick<RouterParts, 'identities' | 'verifier' | 'now'>,
  { userId, provider, data }: Pick<Session, 'userId' | 'provider' | 'data'>,
): Promise<void> {
  const { authTime } = readNotes(data);
  // Also one from the future, which only another clock can have seen.
  const isRecent = authTime !== undefined && Math.abs(now() / 1000 - authTime) <= MAX_AGE_SECONDS;
  const isEnough = isRecent && (!provider || (await isSettled()));
  if (!isEnough)
    throw new AuthError('AUTH_CONTEXT_REQUIRED', {
      realm: verifier.realm,
      maxAgeSeconds: MAX_AGE_SECONDS,
    });

  async function isSettled(): Promise<boolean> {
    const link = provider && (await identities.find(userId, provider));
    return link !== undefined && identities.isSettled(link);
  }
}

/** The same of the session that a credential is of. TOKEN_REVOKED (401) for one that has ended. */
export async function requireFreshCaller(
  parts: Pick<RouterParts, 'identities' | 'verifier' | 'now' | 'sessions'>,
  { sessionId }: Pick<Principal, 'sessionId'>,
): Promise<void> {
  const session = sessionId === undefined ? undefined : await parts.sessions.findById(sessionId);
  if (!session)
    throw new AuthError('TOKEN_REVOKED', { realm: parts.verifier.realm, reason: 'session' });
  await requireFreshSignIn(parts, session);
}
