import type { Request } from 'express';
import { z } from 'zod';
import { mayChangeRoles, mayManage } from '../../accounts/org-rules.js';
import { AuthError } from '../../errors.js';
import { redirectWithin } from '../../http/redirects.js';
import type { StoredMember } from '../../stores/org-store.js';
import { readPage } from '../admin/users.js';
import { ownPath } from '../own-urls.js';
import { leaveNotice } from '../pages/notices.js';
import { readPageForm } from '../pages/read-page-form.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import {
  notAllowed,
  type OrgRoutesContext,
  parameterOf,
  requireManager,
  requireMember,
} from './org-caller.js';

/**
 * Lists the members of an organisation in the order of their ids, as `GET /users` does. All members see user names; owners and
 * admins see e-mail addresses, too.
 */
export function listMembers(context: OrgRoutesContext): Endpoint {
  const { orgs, parts } = context;
  return async function handleListMembers(req, res) {
    const { membership, orgId } = await requireMember(context, req);
    const { limit, after } = readPage(req.query);
    const page = { limit, ...(after !== undefined && { after }) };
    const members = await orgs.organisations.members(orgId, page);
    const describe = async ({ userId, roles, joinedAt }: StoredMember) => {
      const user = await parts.users.findById(userId);
      return {
        user: {
          id: userId,
          username: user?.username ?? null,
          ...(mayManage(membership.roles) && { email: user?.email ?? null }),
        },
        roles,
        joined_at: new Date(joinedAt).toISOString(),
      };
    };
    const last = members.length === limit ? members.at(-1) : undefined;
    const described = await Promise.all(members.map(describe));
    res.json({ members: described, ...(last && { next: last.userId }) });
  };
}

interface RolesBody {
  readonly roles: readonly string[];
}

export const rolesSchema: z.ZodType<RolesBody> = z.strictObject({ roles: z.array(z.string()) });

/**
 * Replaces the roles of a member: 200. For owners, and for admins where no owner is made or unmade.
 * Errors: INVALID_REQUEST (400), INSUFFICIENT_ROLE (403), NOT_FOUND (404), CONFLICT (409) for the last owner, and
 * for a member whose roles are changed meanwhile.
 */
export function changeMember(context: OrgRoutesContext): Endpoint {
  const { organisations } = context.orgs;
  return async function handleChangeMember(req, res) {
    const { membership, orgId, actor } = await requireManager(context, req);
    const { roles } = await readJsonBody({ req, res }, rolesSchema);
    const userId = parameterOf(req, 'user');
    const { roles: before } = await rolesOf(context, { orgId, userId });
    if (!mayChangeRoles(membership.roles, { before, after: roles })) throw notAllowed;
    await organisations.setRoles({ orgId, userId, roles, from: before }, actor);
    res.json({ user: { id: userId }, roles: [...new Set(roles)] });
  };
}

/** Removes a member, or lets oneself leave: 204. Errors as for changing one. */
export function removeMember(context: OrgRoutesContext): Endpoint {
  return async function handleRemoveMember(req, res) {
    await endMembership(context, req);
    res.status(204).end();
  };
}

/** The same by the button of the account page. */
export function submitRemoveMember(context: OrgRoutesContext): Endpoint {
  const { parts } = context;
  return async function handleSubmitRemoveMember(req, res) {
    await readPageForm(parts, { req, res }, z.object({}));
    await endMembership(context, req);
    leaveNotice(parts, res, 'notice.orgLeft');
    redirectWithin(res, ownPath(req, '/account'));
  };
}

async function endMembership(context: OrgRoutesContext, req: Request): Promise<void> {
  const { user, membership, orgId, actor } = await requireMember(context, req);
  const userId = parameterOf(req, 'user');
  const { organisations } = context.orgs;
  if (userId === user.id) return organisations.removeMember({ orgId, userId }, actor);
  if (!mayManage(membership.roles)) throw notAllowed;
  const { roles: from } = await rolesOf(context, { orgId, userId });
  if (!mayChangeRoles(membership.roles, { before: from, after: undefined })) throw notAllowed;
  // The member may become an owner meanwhile, whom an admin must not remove.
  await organisations.removeMember({ orgId, userId, from }, actor);
}

async function rolesOf(
  { orgs }: OrgRoutesContext,
  key: { readonly orgId: string; readonly userId: string },
): Promise<{ readonly roles: readonly string[] }> {
  const found = await orgs.organisations.membershipOf(key);
  if (!found) throw new AuthError('NOT_FOUND');
  return found;
}
