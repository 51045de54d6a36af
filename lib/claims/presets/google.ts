import type { ClaimsMapping } from '../claims-mapping.js';
import type { LoginHabits } from './login-habits.js';

/** Google service and identity tokens; `hd` is the Workspace domain and serves as the organisation. */
export const google: ClaimsMapping = {
  username: 'email',
  clientId: 'azp',
  orgs: 'hd',
};

/** Only for mailboxes that Google itself runs does it know for sure that the address is still theirs. */
export const googleLogin: LoginHabits = {
  label: 'Google',
  // It gives a refresh token with a consent only.
  offlineParameters: { access_type: 'offline', prompt: 'consent' },
  issuers: /^https:\/\/accounts\.google\.com$/,
  vouchesForEmail: ({ email, hd }) =>
    typeof hd === 'string' || (typeof email === 'string' && email.endsWith('@gmail.com')),
};
