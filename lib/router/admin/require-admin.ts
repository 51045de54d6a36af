import type { Request } from 'express';
import { requestFacts } from '../../http/request-facts.js';
import { AuthError } from '../../errors.js';
import type { AuthEvents } from '../../events.js';
import type { Callers } from '../caller.js';
import type { RouterParts } from '../parts.js';

/** What the routes that manage users share. */
export interface ManageContext {
  readonly parts: RouterParts;
  readonly callers: Callers;
}

const SCOPE = 'users:admin';

/**
 * Requires one of our own users with the scope `users:admin`: by the token, and by what the user of today would get, whose
 * role may have been taken away since. Returns the user's id, for the event.
 */
export async function requireAdmin(
  { parts, callers }: ManageContext,
  req: Request,
): Promise<string> {
  const { principal, user } = await callers.requireUser(req);
  if (!principal.scopes.has(SCOPE) || !parts.grantOf.scopesOf(user).includes(SCOPE))
    throw new AuthError('INSUFFICIENT_SCOPE', { realm: parts.verifier.realm, scopes: [SCOPE] });
  return principal.subject;
}

export function reportChange(
  { parts }: ManageContext,
  req: Request,
  change: Pick<AuthEvents['user.changed'], 'userId' | 'change' | 'by'>,
): void {
  parts.events.emit('user.changed', { ...change, ...requestFacts(req) });
}

/** The user that the path names. Empty when it names none, which no user's id is. */
export function userIdOf({ params: { id } }: Request): string {
  return typeof id === 'string' ? id : '';
}
