import type { ClaimsMapping } from '../claims-mapping.js';

/** Auth0: `permissions` (role-based access control) counts as scopes beside `scope`. */
export const auth0: ClaimsMapping = {
  scopes: [['scope'], ['permissions']],
  clientId: [['client_id'], ['azp']],
  orgs: 'org_id',
};
