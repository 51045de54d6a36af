import type { Request } from 'express';
import { requestFacts } from '../../http/request-facts.js';
import { AuthError } from '../../errors.js';
import type { AuthEvents } from '../../events/auth-events.js';
import { MANAGE_USERS } from '../../sessions/impersonation.js';
import type { Callers, OwnUser } from '../caller.js';
import type { RouterParts } from '../parts.js';

/** What the routes that manage users share. */
export interface ManageContext {
  readonly parts: RouterParts;
  readonly callers: Callers;
}

/** Requires one of our own users with the scope `users:admin`: {@link requireOwnUserWithScope}. Returns the user's id, for the event. */
export async function requireAdmin(context: ManageContext, req: Request): Promise<string> {
  const { user } = await requireOwnUserWithScope(context, req, MANAGE_USERS);
  return user.id;
}

/**
 * Requires one of our own users with a scope: by the token, and by what the user of today would get, whose role may have been
 * taken away since. Rejects with INSUFFICIENT_SCOPE (403), and with 401 for any other caller.
 */
export async function requireOwnUserWithScope(
  { parts, callers }: ManageContext,
  req: Request,
  scope: string,
): Promise<OwnUser> {
  const caller = await callers.requireUser(req);
  const { principal, user } = caller;
  if (!principal.scopes.has(scope) || !parts.grantOf.scopesOf(user).includes(scope))
    throw new AuthError('INSUFFICIENT_SCOPE', { realm: parts.verifier.realm, scopes: [scope] });
  return caller;
}

export function reportChange(
  { parts }: ManageContext,
  req: Request,
  change: Pick<AuthEvents['user.changed'], 'userId' | 'change' | 'fields' | 'by'>,
): void {
  parts.events.emit('user.changed', { ...change, ...requestFacts(req) });
}

/** The user that the path names. Empty when it names none, which no user's id is. */
export function userIdOf({ params: { id } }: Request): string {
  return typeof id === 'string' ? id : '';
}
