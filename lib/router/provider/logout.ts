import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import { requestFacts } from '../../http/request-facts.js';
import { AuthError } from '../../errors.js';
import type { RequestFacts } from '../../events/auth-events.js';
import { pageSession } from '../browser-session.js';
import { redirectAway, redirectWithin } from '../../http/redirects.js';
import { readNotes } from '../../sessions/session-notes.js';
import type { RevocationFacts } from '../../sessions/sessions.js';
import type { Session } from '../../stores/store.js';
import { homePath, ownPath, publicOrigin, queryOf } from '../own-urls.js';
import { endActing } from '../session/end-session.js';
import { leaveNotice } from '../pages/notices.js';
import { signOutPage } from '../pages/sign-out-pages.js';
import { refuseLookAhead } from '../look-ahead.js';
import { requireProvider } from './login.js';
import { readFormBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/** Returns the link that ends a session, here and at its provider. Its hash is a MAC, so that only we can make one. */
export function logoutUrl(
  { rootKeys }: Pick<RouterParts, 'rootKeys'>,
  req: Request,
  sessionId: string,
): string {
  const hash = hashesOf({ rootKeys }, sessionId)[0] ?? '';
  const query = new URLSearchParams({ session: sessionId, hash }).toString();
  return ownPath(req, `/logout?${query}`);
}

/** By the current root key, then by the former ones. */
function hashesOf(
  { rootKeys }: Pick<RouterParts, 'rootKeys'>,
  sessionId: string,
): readonly string[] {
  return rootKeys.all.map((root) =>
    createHmac('sha256', root.derive('logout link')).update(sessionId).digest('base64url'),
  );
}

/**
 * Ends the session of a {@link logoutUrl} and redirects to the provider's log-out (OpenID Connect RP-Initiated Logout §2).
 * Without a valid hash a page asks first, since any site can link here.
 */
export function browserLogout(parts: RouterParts): Endpoint {
  const { sessions, cookies, pages } = parts;
  const { home } = pages;
  return async function handleBrowserLogout(req, res) {
    // A browser that prefetches links must not sign its user out.
    refuseLookAhead(req);
    const query = queryOf(req);
    const token = pageSession(parts, { req, res });
    const byCookie = token === undefined ? undefined : await sessions.find(token, 'cookie');
    const sessionId = query.get('session') ?? '';
    const isOwn = isOneOf(hashesOf(parts, sessionId), query.get('hash') ?? '');
    if (!isOwn) {
      if (byCookie)
        return pages.send(res, 200, signOutPage(logoutUrl(parts, req, byCookie.id), home));
      leaveNotice(parts, res, 'notice.signedOut');
      return redirectWithin(res, home);
    }
    const session = await sessions.findById(sessionId);
    const request = requestFacts(req);
    if (session) await sessions.revoke({ id: session.id }, 'logout', endedBy(session, request));
    await endActing(parts, session, request);
    // The link is of a former session: this browser has another one by now, and is still signed in.
    if (byCookie && byCookie.id !== sessionId)
      return pages.send(res, 200, signOutPage(logoutUrl(parts, req, byCookie.id), home));
    cookies.clear(res, 'session');
    leaveNotice(parts, res, 'notice.signedOut');
    const away = session && (await providerLogoutUrl(parts, req, session));
    if (away) redirectAway(res, away);
    else redirectWithin(res, home);
  };
}

/** The link ends the session of the user who has it, or of the one who acts for them. */
function endedBy({ userId, data }: Session, request: RequestFacts): RevocationFacts {
  return { userId, by: readNotes(data).actor?.id ?? userId, ...request };
}

function isOneOf(hashes: readonly string[], given: string): boolean {
  const bytes = Buffer.from(given);
  return hashes
    .map((hash) => Buffer.from(hash))
    .some((hash) => hash.length === bytes.length && timingSafeEqual(hash, bytes));
}

/** Undefined when the provider has no log-out or is down. Our own session has ended by then. */
async function providerLogoutUrl(
  parts: RouterParts,
  req: Request,
  session: Session,
): Promise<URL | undefined> {
  const { provider: name } = readNotes(session.data);
  if (name === undefined) return undefined;
  try {
    const provider = await parts.providers.find(name);
    return await provider?.logoutUrl({
      idToken: await parts.upstream.idTokenFor(provider.client, session),
      sessionId: session.provider?.sessionId,
      returnTo: `${publicOrigin(parts, req)}${homePath(req)}`,
    });
  } catch {
    return undefined;
  }
}

/** How long a logout token counts as used while its first attempt may still be running. */
const RETRY_MS = 5000;

interface LogoutTokenBody {
  readonly logout_token: string;
}

export const logoutTokenSchema: z.ZodType<LogoutTokenBody> = z.object({
  logout_token: z.string(),
});

/**
 * Ends the sessions that a provider's logout token names (OpenID Connect Back-Channel Logout §2.5). 200 also when there
 * were none. Errors: INVALID_REQUEST (400), KEYS_UNAVAILABLE and STORE_UNAVAILABLE (503).
 */
export function backchannelLogout(parts: RouterParts): Endpoint {
  const { sessions, store, events, now } = parts;
  return async function handleBackchannelLogout(req, res) {
    const { name, readLogoutToken } = await requireProvider(parts, req.params['provider']);
    if (!readLogoutToken) throw new AuthError('NOT_FOUND', { reason: 'provider' });
    const refuse = (error: unknown): never => reportRefusal(parts, req, { provider: name, error });
    const notice = await readFormBody({ req, res }, logoutTokenSchema)
      .then(({ logout_token: token }) => readLogoutToken(token))
      .catch(refuse);
    const { issuer, subject, sessionId, id, expiresAt } = notice;
    const key = `logout:${issuer}:${id}`;
    const begun = { now: now(), expiresAt: now() + RETRY_MS };
    if (!(await store.once.add(key, '', begun)))
      refuse(new AuthError('INVALID_REQUEST', { reason: 'replayed' }));
    const ended = await sessions
      .revoke(selectorOf({ issuer, subject, sessionId }), 'backchannel', requestFacts(req))
      .catch(async (error: unknown) => {
        // After an outage the provider may send the same token again.
        await store.once.del(key);
        throw error;
      });
    await store.once.del(key);
    await store.once.add(key, '', { now: now(), expiresAt: expiresAt * 1000 });
    events.emit('logout.backchannel', { provider: name, sessions: ended, ...requestFacts(req) });
    res.status(200).end();
  };
}

/** An outage of ours has events of its own. */
function reportRefusal(
  { events }: RouterParts,
  req: Request,
  { provider, error }: { readonly provider: string; readonly error: unknown },
): never {
  if (error instanceof AuthError && error.status === 400) {
    const reason = error.reason ?? error.code.toLowerCase();
    events.emit('logout.refused', { provider, reason, ...requestFacts(req) });
  }
  throw error;
}

/** Selects the session that is named, and those of the user that began without naming one; else all sessions of the provider's user. */
function selectorOf({
  issuer,
  subject,
  sessionId,
}: {
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly sessionId: string | undefined;
}) {
  if (subject === undefined) return { issuer, sessionId: sessionId ?? '' };
  return { issuer, subject, ...(sessionId !== undefined && { sessionId }) };
}
