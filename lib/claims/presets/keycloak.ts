import type { ClaimsMapping } from '../claims-mapping.js';

/** Keycloak 22 and later. A client's own roles stand in `resource_access.<client>.roles`: name that path yourself. */
export const keycloak: ClaimsMapping = {
  roles: 'realm_access.roles',
  clientId: [['azp'], ['client_id']],
  sessionId: [['sid'], ['session_state']],
  orgs: 'organization',
};
