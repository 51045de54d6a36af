import type { ClaimsMapping } from '../claims-mapping.js';

/** Okta custom authorization servers: `scp` is a list, the client is `cid`, and `uid` outlives a renamed log-in. */
export const okta: ClaimsMapping = {
  userId: [['uid'], ['sub']],
  scopes: 'scp',
  clientId: 'cid',
};
