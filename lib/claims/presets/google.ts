import type { ClaimsMapping } from '../claims-mapping.js';

/** Google service and identity tokens; `hd` is the Workspace domain and serves as the organisation. */
export const google: ClaimsMapping = {
  username: 'email',
  clientId: 'azp',
  orgs: 'hd',
};
