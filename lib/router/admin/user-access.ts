import { AuthError } from '../../errors.js';
import { requestFacts } from '../../http/request-facts.js';
import { endOneSession } from '../session/end-session.js';
import { unlinkIdentities, waysInOf } from '../session/identities.js';
import { sessionPageOf } from '../session/own-sessions.js';
import type { Endpoint } from '../respond.js';
import { type ManageContext, reportChange, requireAdmin, userIdOf } from './require-admin.js';

/** Lists a user's live sessions, as `GET /sessions` does for oneself. Errors: INVALID_REQUEST (400), NOT_FOUND (404). */
export function listUserSessions(context: ManageContext): Endpoint {
  const { parts } = context;
  return async function handleListUserSessions(req, res) {
    await requireAdmin(context, req);
    const { id: userId } = await find(context, userIdOf(req));
    res.json(await sessionPageOf(parts, { userId, query: req.query }));
  };
}

/** Ends all of a user's sessions, and sign-ins that are under way: 204. Errors: NOT_FOUND (404). */
export function endUserSessions(context: ManageContext): Endpoint {
  const { sessions } = context.parts;
  return async function handleEndUserSessions(req, res) {
    const by = await requireAdmin(context, req);
    const userId = userIdOf(req);
    // Also of a user who is gone.
    await sessions.revoke({ userId }, 'ended_by_admin', { by, ...requestFacts(req) });
    await find(context, userId);
    reportChange(context, req, { userId, change: 'sessions_ended', by });
    res.status(204).end();
  };
}

/** Ends one of a user's live sessions: 204. Errors: NOT_FOUND (404). */
export function endUserSession(context: ManageContext): Endpoint {
  const { sessions } = context.parts;
  return async function handleEndUserSession(req, res) {
    const by = await requireAdmin(context, req);
    const userId = userIdOf(req);
    const session = await sessions.findById(String(req.params['session']));
    if (session?.userId !== userId) throw new AuthError('NOT_FOUND');
    const ending = { reason: 'ended_by_admin', by, ...requestFacts(req) };
    await endOneSession(context.parts, session, ending);
    reportChange(context, req, { userId, change: 'sessions_ended', by });
    res.status(204).end();
  };
}

/** Lists what a user can sign in with, as `GET /identities` does for oneself. Errors: NOT_FOUND (404). */
export function listUserIdentities(context: ManageContext): Endpoint {
  const { parts } = context;
  return async function handleListUserIdentities(req, res) {
    await requireAdmin(context, req);
    res.json(await waysInOf(parts, { user: await find(context, userIdOf(req)) }));
  };
}

/**
 * Removes a provider from what a user can sign in with, also the last one, and ends the sessions that began with it: 204.
 * Errors: NOT_FOUND (404).
 */
export function removeUserIdentity(context: ManageContext): Endpoint {
  const { parts } = context;
  return async function handleRemoveUserIdentity(req, res) {
    const by = await requireAdmin(context, req);
    const user = await find(context, userIdOf(req));
    const which = { provider: String(req.params['provider']) };
    const count = await unlinkIdentities(parts, req, { user, which, by: 'admin' });
    if (count === 0) throw new AuthError('NOT_FOUND');
    reportChange(context, req, { userId: user.id, change: 'identity_removed', by });
    res.status(204).end();
  };
}

async function find({ parts }: ManageContext, id: string) {
  const user = await parts.users.findById(id);
  if (!user) throw new AuthError('NOT_FOUND');
  return user;
}
