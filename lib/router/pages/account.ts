import { z } from 'zod';
import { AuthError } from '../../errors.js';
import { requestFacts } from '../../http/request-facts.js';
import { readNotes } from '../../sessions/session-notes.js';
import type { Callers } from '../caller.js';
import { ownPath } from '../own-urls.js';
import { logoutUrl } from '../provider/logout.js';
import { endOneSession } from '../session/end-session.js';
import { removeOwnIdentity, waysInOf } from '../session/identities.js';
import { accountKeysOf } from './account-keys.js';
import { accountPage } from './account-page.js';
import { backToAccount } from './back-to-account.js';
import { takeNotice } from './notices.js';
import type { SignInContext } from './sign-in.js';
import { readPageForm } from './read-page-form.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/** More than anybody reads; all others end by one button. */
const MOST_SESSIONS = 20;

/** Shows users who they are, and where they are signed in. */
export function showAccountPage(
  { parts, canReset, canSignUp }: SignInContext,
  callers: Callers,
): Endpoint {
  const { sessions, pages, now } = parts;
  return async function handleShowAccountPage(req, res) {
    const { principal, user } = await callers.requireUser(req);
    const { identities } = await waysInOf(parts, { user });
    const linked = new Set(identities.map(({ provider }) => provider));
    const rows = await sessions.list(user.id, { limit: MOST_SESSIONS + 1 });
    const orgs = (await parts.orgs?.organisations.membershipsOf(user.id)) ?? [];
    const current = principal.sessionId;
    const ago = (time: number): number => Math.max(0, (now() - time) / 1000);
    const page = accountPage({
      user: user.username ?? user.email ?? user.id,
      email: user.email,
      isEmailConfirmed: user.emailVerified,
      changeEmail: canSignUp ? ownPath(req, '/change-email') : undefined,
      changePassword:
        parts.config.passwordLogin && (canReset || user.passwordHash !== undefined)
          ? ownPath(req, '/change-password')
          : undefined,
      identities: identities.map(({ provider, label }) => ({
        label,
        remove: ownPath(req, `/identities/${encodeURIComponent(provider)}`),
      })),
      addable: parts.providers.all
        .filter(({ name }) => !linked.has(name))
        .map(({ name, label }) => ({ label, add: ownPath(req, `/link/${name}`) })),
      orgs: orgs.map(({ org, roles }) => ({
        name: org.name,
        roles,
        leave: ownPath(req, `/orgs/${org.id}/members/${encodeURIComponent(user.id)}`),
      })),
      here: ownPath(req, '/account'),
      notice: takeNotice(parts, { req, res }),
      sessions: rows.slice(0, MOST_SESSIONS).map(({ id, data, createdAt, lastUsedAt }) => ({
        device: readNotes(data).device,
        isSupport: readNotes(data).actor !== undefined,
        isCurrent: id === current,
        begunAgo: ago(createdAt),
        usedAgo: ago(lastUsedAt),
        end: ownPath(req, `/sessions/${id}`),
      })),
      hasMore: rows.length > MOST_SESSIONS,
      endOthers: ownPath(req, '/sessions'),
      keys: await accountKeysOf(parts, req, user),
      signOut: current === undefined ? ownPath(req, '/logout') : logoutUrl(parts, req, current),
      home: pages.home,
    });
    pages.send(res, 200, page);
  };
}

/** Ends one of the caller's own sessions by the button of the page. NOT_FOUND (404) for any other session. */
export function submitEndSession(parts: RouterParts, callers: Callers): Endpoint {
  const { sessions } = parts;
  return async function handleSubmitEndSession(req, res) {
    await readPageForm(parts, { req, res }, empty);
    const { user } = await callers.requireUser(req);
    const { id } = req.params;
    const session = typeof id === 'string' ? await sessions.findById(id) : undefined;
    // Already over: what the button is for.
    if (session && session.userId !== user.id) throw new AuthError('NOT_FOUND');
    const ending = { reason: 'ended_by_user', by: user.id, ...requestFacts(req) };
    if (session) await endOneSession(parts, session, ending);
    backToAccount(parts, { req, res }, 'notice.sessionEnded');
  };
}

/**
 * Removes a provider from what the caller can sign in with, by the button of the page. Errors: AUTH_CONTEXT_REQUIRED (401),
 * NOT_FOUND (404), CONFLICT (409) for the last way in.
 */
export function submitRemoveIdentity(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleSubmitRemoveIdentity(req, res) {
    await readPageForm(parts, { req, res }, empty);
    const { principal, user } = await callers.requireUser(req);
    const { sessionId = '' } = principal;
    const session = await parts.sessions.findById(sessionId);
    if (session?.userId !== user.id) throw new AuthError('CREDENTIALS_MISSING');
    const provider = String(req.params['provider']);
    await removeOwnIdentity(parts, req, { user, session, provider });
    backToAccount(parts, { req, res }, 'notice.identityRemoved');
  };
}

/** Ends all of the caller's sessions but this one, by the button of the page. */
export function submitEndOtherSessions(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleSubmitEndOtherSessions(req, res) {
    await readPageForm(parts, { req, res }, empty);
    const { principal, user } = await callers.requireUser(req);
    const { sessionId } = principal;
    if (sessionId === undefined) throw new AuthError('CREDENTIALS_MISSING');
    await parts.sessions.revoke({ userId: user.id, except: sessionId }, 'ended_by_user', {
      by: user.id,
      ...requestFacts(req),
    });
    backToAccount(parts, { req, res }, 'notice.othersEnded');
  };
}

const empty = z.object({});
