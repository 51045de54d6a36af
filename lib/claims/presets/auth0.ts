import type { ClaimsMapping } from '../claims-mapping.js';
import type { LoginHabits } from './login-habits.js';

/** Auth0: `permissions` (role-based access control) counts as scopes beside `scope`. */
export const auth0: ClaimsMapping = {
  scopes: ['scope', 'permissions'],
  clientId: ['client_id', 'azp'],
  orgs: 'org_id',
};

export const auth0Login: LoginHabits = {
  label: 'Auth0',
  issuers: /^https:\/\/[\w.-]+\.auth0\.com\/$/,
};
