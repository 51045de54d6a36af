import type { LoginHabits } from '../login-habits.js';

/**
 * Keycloak 22 to 26.8.
 *
 * - Callback: beside `code` and `state` it sends `session_state`, and since 23 `iss` (RFC 9207), as its metadata announce. Its switch
 *   "Exclude Issuer From Authentication Response" makes log-ins fail here: the metadata go on promising what then looks stolen.
 *   Since 25, who took too long there and is signed in meanwhile comes back with `temporarily_unavailable` and `authentication_expired`.
 * - Tokens: since 25 `auth_time` and `sub` come by the client scope `basic`; `session_state` is gone, `sid` stays, and only ID tokens have a
 *   `nonce`. Before 26.8 several flows of its own made an address verified.
 * - Log-out: takes `client_id` in the place of `id_token_hint`, and then asks the user to confirm.
 * - Back channel: `typ` is `logout+jwt` since 25, before `JWT`; `sub`, `sid` unless the client is told otherwise, and since 23 `exp`.
 *
 * @see https://www.keycloak.org/docs/latest/upgrading/
 * @see https://www.keycloak.org/securing-apps/oidc-layers
 * @see https://github.com/keycloak/keycloak/issues/28939
 */
export const keycloak: LoginHabits = {
  label: 'Keycloak',
  issuers: /\/realms\/[^/]+$/,
};
