import type { ClaimsMapping } from '../claims-mapping.js';

/**
 * Microsoft Entra v1 and v2: `scp` is a space-separated string, `oid` is the same user in every
 * application (`sub` differs between them), and the tenant is the organisation.
 */
export const entra: ClaimsMapping = {
  userId: [['oid'], ['sub']],
  username: [['preferred_username'], ['upn'], ['unique_name']],
  scopes: 'scp',
  clientId: [['azp'], ['appid']],
  orgs: 'tid',
};
