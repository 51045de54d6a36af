import { z } from 'zod';
import { isOwner } from '../../accounts/org-rules.js';
import type { Principal } from '../../principal.js';
import type { Membership } from '../../stores/org-store.js';
import { requireFreshCaller } from '../fresh-sign-in.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import {
  actorOf,
  notAllowed,
  type OrgRoutesContext,
  requireManager,
  requireMember,
} from './org-caller.js';

/** An organisation as it stands in answers to one of its members. */
interface DescribedOrg {
  readonly id: string;
  readonly name: string;
  /** The member's own. */
  readonly roles: readonly string[];
  /** Whether it is the default of this session. */
  readonly default: boolean;
  /** ISO 8601. */
  readonly joined_at: string;
}

export function describeMembership(
  { org, roles, joinedAt }: Membership,
  { claims }: Principal,
): DescribedOrg {
  return {
    id: org.id,
    name: org.name,
    roles,
    default: claims['org_id'] === org.id,
    joined_at: new Date(joinedAt).toISOString(),
  };
}

/** Lists the caller's organisations, all of them: there are 100 at most. */
export function listOrgs(context: OrgRoutesContext): Endpoint {
  const { organisations } = context.orgs;
  return async function handleListOrgs(req, res) {
    const { user, principal } = await context.callers.requireUser(req);
    const all = await organisations.membershipsOf(user.id);
    res.json({ orgs: all.map((membership) => describeMembership(membership, principal)) });
  };
}

interface NameBody {
  readonly name: string;
}

export const nameSchema: z.ZodType<NameBody> = z.strictObject({ name: z.string() });

/** Makes an organisation whose owner is the caller: 201. Errors: INVALID_REQUEST (400), INSUFFICIENT_ROLE (403), CONFLICT (409). */
export function createOrg(context: OrgRoutesContext): Endpoint {
  const { organisations, refuseCreation } = context.orgs;
  return async function handleCreateOrg(req, res) {
    const { user, principal } = await context.callers.requireUser(req);
    const { name } = await readJsonBody({ req, res }, nameSchema);
    await refuseCreation(user);
    const org = await organisations.create({ name, ownerId: user.id }, actorOf(req, user));
    const membership = { org, roles: ['owner'], joinedAt: org.createdAt };
    res.status(201).json(describeMembership(membership, principal));
  };
}

export function showOrg(context: OrgRoutesContext): Endpoint {
  return async function handleShowOrg(req, res) {
    const { membership, principal } = await requireMember(context, req);
    res.json(describeMembership(membership, principal));
  };
}

/** Renames an organisation: 200. For owners and admins. */
export function renameOrg(context: OrgRoutesContext): Endpoint {
  const { organisations } = context.orgs;
  return async function handleRenameOrg(req, res) {
    const { membership, principal, orgId, actor } = await requireManager(context, req);
    const { name } = await readJsonBody({ req, res }, nameSchema);
    const org = await organisations.rename(orgId, name, actor);
    res.json(describeMembership({ ...membership, org }, principal));
  };
}

/** Removes an organisation: 204. For owners whose sign-in is fresh: AUTH_CONTEXT_REQUIRED (401). */
export function removeOrg(context: OrgRoutesContext): Endpoint {
  const { parts, orgs } = context;
  return async function handleRemoveOrg(req, res) {
    const { membership, principal, orgId, actor } = await requireMember(context, req);
    if (!isOwner(membership.roles)) throw notAllowed;
    await requireFreshCaller(parts, principal);
    await orgs.organisations.remove(orgId, actor);
    res.status(204).end();
  };
}
