import type { Routes } from '../route-table.js';
import type { SendTokens } from '../token-response.js';
import { impersonate } from './impersonate.js';
import type { ManageContext } from './require-admin.js';
import {
  endUserSession,
  endUserSessions,
  listUserIdentities,
  listUserSessions,
  removeUserIdentity,
} from './user-access.js';
import { createUser, deleteUser, listUsers, updateUser } from './users.js';

/** Routes of administrators. */
export function managementRoutes(managing: ManageContext, sendTokens: SendTokens): Routes {
  const { impersonation } = managing.parts.config;
  return {
    '/users': { GET: listUsers(managing), POST: createUser(managing) },
    '/users/:id': { PATCH: updateUser(managing), DELETE: deleteUser(managing) },
    '/users/:id/sessions': { GET: listUserSessions(managing), DELETE: endUserSessions(managing) },
    '/users/:id/sessions/:session': { DELETE: endUserSession(managing) },
    '/users/:id/identities': { GET: listUserIdentities(managing) },
    '/users/:id/identities/:provider': { DELETE: removeUserIdentity(managing) },
    ...(impersonation && { '/users/:id/impersonate': { POST: impersonate(managing, sendTokens) } }),
  };
}
