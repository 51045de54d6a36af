import type { Request } from 'express';
import type { OrgActor } from '../../accounts/organisations.js';
import { mayManage } from '../../accounts/org-rules.js';
import type { OwnOrganisations } from '../../accounts/own-organisations.js';
import { AuthError, reusableError } from '../../errors.js';
import { requestFacts } from '../../http/request-facts.js';
import type { Membership } from '../../stores/org-store.js';
import type { Callers, OwnUser } from '../caller.js';
import type { RouterParts } from '../parts.js';

/** What the routes of organisations share. */
export interface OrgRoutesContext {
  readonly parts: RouterParts;
  readonly callers: Callers;
  readonly orgs: OwnOrganisations;
}

/** Who does it, for events. */
export function actorOf(req: Request, { id }: OwnUser['user']): OrgActor {
  return { by: id, ...requestFacts(req) };
}

interface Member extends OwnUser {
  readonly membership: Membership;
  readonly orgId: string;
  readonly actor: OrgActor;
}

/** A member of the organisation that the path names, as the store has it now. For all others there is no such organisation: NOT_FOUND (404). */
export async function requireMember(context: OrgRoutesContext, req: Request): Promise<Member> {
  const caller = await context.callers.requireUser(req);
  const orgId = parameterOf(req, 'id');
  const key = { orgId, userId: caller.user.id };
  const membership = await context.orgs.organisations.membershipOf(key);
  if (!membership) throw new AuthError('NOT_FOUND');
  return { ...caller, membership, orgId, actor: actorOf(req, caller.user) };
}

/** The same, and an owner or admin of it: INSUFFICIENT_ROLE (403). */
export async function requireManager(context: OrgRoutesContext, req: Request): Promise<Member> {
  const member = await requireMember(context, req);
  if (!mayManage(member.membership.roles)) throw notAllowed;
  return member;
}

export const notAllowed: AuthError = reusableError('INSUFFICIENT_ROLE', { reason: 'org_role' });

/** A part of the path. Empty when there is none, which no id is. */
export function parameterOf({ params }: Request, name: string): string {
  const value = params[name];
  return typeof value === 'string' ? value : '';
}
