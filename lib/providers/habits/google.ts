import type { LoginHabits } from '../login-habits.js';

/** Google knows only of mailboxes that it runs itself that the address still belongs to the user. */
export const google: LoginHabits = {
  label: 'Google',
  // It gives a refresh token with a consent only.
  offlineParameters: { access_type: 'offline', prompt: 'consent' },
  issuers: /^https:\/\/accounts\.google\.com$/,
  vouchesForEmail: ({ email, hd }) =>
    typeof hd === 'string' || (typeof email === 'string' && email.endsWith('@gmail.com')),
};
