import type { LoginHabits } from '../login-habits.js';

/**
 * Okta, its org authorization server and the custom ones.
 *
 * - Tokens: the ID token has `sub`, `name`, `email`, `preferred_username`, `auth_time`, `amr` and `idp`; `email_verified` is often false for
 *   users whom an administrator made. With a code flow `profile` may be thin: the rest is at userinfo.
 * - Log-out: `id_token_hint` is required. Without it, or with one that is too long for its server (414), users stay on an error page and
 *   signed in there.
 * - Front-channel single log-out is its way to tell others; it sends no logout tokens to applications of this kind.
 *
 * @see https://support.okta.com/help/s/article/the-purpose-of-id-token-hint-in-the-logout-api-and-how-does-it-affect-the-single-logout-process
 * @see https://developer.okta.com/docs/api/openapi/okta-oauth/oauth/
 * @see https://github.com/okta/okta-auth-js/issues/1346
 */
export const okta: LoginHabits = {
  label: 'Okta',
  issuers: /^https:\/\/[\w-]+\.(?:okta|oktapreview|okta-emea)\.com(?:\/|$)/,
  logout: { idTokenHint: 'required' },
};
