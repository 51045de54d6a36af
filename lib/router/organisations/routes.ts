import type { SignInContext } from '../pages/sign-in.js';
import type { AuthRouterOptions } from '../parts.js';
import { acceptInvitation, createAcceptInvitation } from './accept-invitation.js';
import { invitationPages } from './invitation-page.js';
import { invite, listInvitations, withdrawInvitation } from './invitations.js';
import { changeMember, listMembers, removeMember, submitRemoveMember } from './members.js';
import type { OrgRoutesContext } from './org-caller.js';
import { createOrg, listOrgs, removeOrg, renameOrg, showOrg } from './orgs.js';
import { switchOrg } from './switch-org.js';
import { byBody } from '../pages/form-page.js';
import type { Routes } from '../route-table.js';

/** Routes of organisations. Those that need mails are there with `sendMail` only. */
export function organisationRoutes(
  context: OrgRoutesContext,
  pages: SignInContext,
  { sendMail, ...options }: AuthRouterOptions,
): Routes {
  return {
    '/orgs': { GET: listOrgs(context), POST: createOrg(context) },
    '/orgs/:id': { GET: showOrg(context), PATCH: renameOrg(context), DELETE: removeOrg(context) },
    '/orgs/:id/members': { GET: listMembers(context) },
    '/orgs/:id/members/:user': {
      PATCH: changeMember(context),
      DELETE: removeMember(context),
      POST: submitRemoveMember(context),
    },
    '/switch-org': { POST: switchOrg(context) },
    ...(sendMail && invitationRoutes(context, pages, { ...options, sendMail })),
  };
}

function invitationRoutes(
  context: OrgRoutesContext,
  pageContext: SignInContext,
  options: Parameters<typeof invite>[1],
): Routes {
  const accept = createAcceptInvitation(context);
  const pages = invitationPages(context, pageContext, accept);
  return {
    '/orgs/:id/invitations': { GET: listInvitations(context), POST: invite(context, options) },
    '/orgs/:id/invitations/:invitation': { DELETE: withdrawInvitation(context) },
    '/accept-invitation': {
      GET: pages.show,
      POST: byBody(pages.submit, acceptInvitation(accept)),
    },
  };
}
