import type { ClaimsMapping } from '../claims-mapping.js';
import type { LoginHabits } from './login-habits.js';

/** Okta custom authorization servers: `scp` is a list, the client is `cid`, and `uid` outlives a renamed log-in. */
export const okta: ClaimsMapping = {
  userId: ['uid', 'sub'],
  scopes: 'scp',
  clientId: 'cid',
};

export const oktaLogin: LoginHabits = {
  label: 'Okta',
  issuers: /^https:\/\/[\w-]+\.(?:okta|oktapreview|okta-emea)\.com(?:\/|$)/,
};
