import type { LiveSession } from '../sessions/sessions.js';
import { requestFacts } from '../http/request-facts.js';
import { formerSessions } from './browser-session.js';
import type { RouterParts } from './parts.js';
import type { Exchange } from './request-body.js';

interface ProvenUser {
  /** Begins the session. Rejects when what was proven is not true any more. */
  readonly begin: () => Promise<LiveSession>;
  /** Name of the identity provider; undefined for a password. */
  readonly provider?: string | undefined;
}

/**
 * Completes a sign-in, by whichever way: begins the session, ends the one that the browser had before, and emits
 * `login.succeeded`. What is sent is for the caller to decide. Rejects with INVALID_REQUEST (400) for two session
 * cookies that differ, before anything has begun.
 */
export async function completeSignIn(
  parts: RouterParts,
  { req, res }: Exchange,
  { begin, provider }: ProvenUser,
): Promise<LiveSession> {
  const live = await replaceSession(parts, { req, res }, { begin });
  parts.events.emit('login.succeeded', {
    userId: live.user.id,
    sessionId: live.session.id,
    ...(provider !== undefined && { provider }),
    ...requestFacts(req),
  });
  return live;
}

/** A forged request with hundreds of cookies must not keep the store busy. */
const MOST_FORMER = 5;

/**
 * Begins a session, and ends the one that the browser had before: it may have been planted, and nothing of it goes on.
 * Rejects with INVALID_REQUEST (400) for two session cookies that differ, before anything has begun; a browser that shows
 * pages gets one in their place. The session with the id `keep` only loses its cookie.
 */
export async function replaceSession(
  { sessions, cookies }: Pick<RouterParts, 'sessions' | 'cookies'>,
  { req, res }: Exchange,
  { begin, keep }: Pick<ProvenUser, 'begin'> & { readonly keep?: string },
): Promise<LiveSession> {
  const tokens = formerSessions({ cookies }, { req, res }).slice(0, MOST_FORMER);
  const live = await begin();
  for (const token of tokens) {
    const former = await sessions.find(token, 'cookie');
    if (former && former.id !== keep)
      await sessions.revoke({ id: former.id }, 'replaced', {
        userId: former.userId,
        ...requestFacts(req),
      });
  }
  if (tokens.length > 0) cookies.clear(res, 'session', req);
  return live;
}
