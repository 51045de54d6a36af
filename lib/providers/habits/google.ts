import type { LoginHabits } from '../login-habits.js';

/**
 * Google, by code and by the ID tokens of its own client library (`google-id-token.ts`).
 *
 * - Callback: `scope`, `authuser`, `prompt`, and `hd` for Workspace accounts, beside `code` and `state`; since 2026 `iss`. A user who declines
 *   is `error=access_denied`; after most other errors Google shows a page of its own, and nobody comes back.
 * - Tokens: the access token lasts an hour; a refresh token comes for `access_type=offline` with a consent, and stays the same. The ID token has
 *   `azp`, `email`, `email_verified`, `name`, `picture`, and `hd`; those of the library have `nbf` and `jti`, too. `iss` has two spellings, of
 *   which the code flow uses the one with https.
 * - Token errors of its own: `redirect_uri_mismatch`, `deleted_client`, `disabled_client`.
 * - Addresses: of mailboxes that it runs itself alone it knows that they still belong to the user.
 * - Log-out: it has none, and sends no logout tokens.
 *
 * @see https://developers.google.com/identity/openid-connect/reference
 * @see https://developers.google.com/identity/openid-connect/openid-connect
 * @see https://developers.google.com/identity/protocols/oauth2/web-server
 * @see https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
 */
export const google: LoginHabits = {
  label: 'Google',
  // It gives a refresh token with a consent only.
  offlineParameters: { access_type: 'offline', prompt: 'consent' },
  issuers: /^https:\/\/accounts\.google\.com$/,
  vouchesForEmail: ({ email, hd }) =>
    typeof hd === 'string' || (typeof email === 'string' && email.endsWith('@gmail.com')),
};
