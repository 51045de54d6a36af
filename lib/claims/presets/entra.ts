import type { ClaimsMapping } from '../claims-mapping.js';

/**
 * Microsoft Entra v1 and v2: `scp` is a space-separated string, `oid` is the same user in every
 * application (`sub` differs between them), and the tenant is the organisation.
 */
export const entra: ClaimsMapping = {
  userId: [['oid'], ['sub']],
  // The optional claims that say so: the tenant owns the address's domain, or the address is one of the verified ones.
  emailVerified: [['email_verified'], ['xms_edov'], ['verified_primary_email']],
  username: [['preferred_username'], ['upn'], ['unique_name']],
  attributes: [['attributes'], ['name']],
  scopes: 'scp',
  clientId: [['azp'], ['appid']],
  orgs: 'tid',
};
