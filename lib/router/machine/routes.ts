import type { ManageContext } from '../admin/require-admin.js';
import { byBody } from '../pages/form-page.js';
import type { Endpoint } from '../respond.js';
import type { Routes } from '../route-table.js';
import { serviceAccountRoutes } from './service-account-routes.js';
import { issueClientToken } from './token.js';

/** Routes for machines; none with AUTH_SERVICE_ACCOUNTS=off. A form at `/token` is OAuth's; `signIn` is the log-in with a password, by JSON. */
export function machineRoutes(managing: ManageContext, signIn: Endpoint | undefined): Routes {
  const { serviceAccounts } = managing.parts;
  if (!serviceAccounts) return {};
  const issue = issueClientToken(managing.parts);
  return {
    ...serviceAccountRoutes(managing, serviceAccounts),
    '/token': { POST: signIn ? byBody(issue, signIn) : issue },
  };
}
