import type { LoginHabits } from '../login-habits.js';

/**
 * Auth0.
 *
 * - Tokens: the ID token has `sid`, `email` and `email_verified`, `nickname` and no `preferred_username`; `org_id` in a log-in of an organisation.
 * - Log-out: `/oidc/logout` is in the metadata of tenants made since 14 November 2023, of others when they switch it on; else there is
 *   `/v2/logout`. `client_id` picks the list of allowed URLs; without `id_token_hint`, `logout_hint` with the `sid` spares the user a question.
 * - Back channel (Enterprise plan): logout tokens have `sub` and `sid`.
 *
 * @see https://auth0.com/docs/authenticate/login/logout/log-users-out-of-auth0
 * @see https://auth0.com/docs/api/authentication/logout/oidc-logout
 * @see https://auth0.com/docs/authenticate/login/logout/back-channel-logout
 */
export const auth0: LoginHabits = {
  label: 'Auth0',
  issuers: /^https:\/\/[\w.-]+\.auth0\.com\/$/,
  logout: {
    hintClaim: 'sid',
    withoutMetadata: { path: 'v2/logout', returnParameter: 'returnTo', idTokenHint: 'ignored' },
  },
};
