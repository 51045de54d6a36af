import type { LoginHabits } from '../login-habits.js';

/**
 * Microsoft Entra ID, version 2.
 *
 * - Callback: `session_state` beside `code` and `state`; `client_info` where it was asked for. No `iss` yet.
 * - Tokens: `oid`, `tid`, `name`, `preferred_username` (any text, mostly like an address, and not to be relied on), `email` when the user has
 *   one; never `email_verified`. An ID token says all that userinfo would, which besides is Microsoft Graph's: it refuses the access token
 *   of whoever asked for the scope of another API. With more than 200 groups `_claim_names` points elsewhere for them.
 * - Addresses: an administrator of any tenant can write down any. The optional claims `xms_edov` (the tenant owns the domain; true, 1 or
 *   that as text) and `verified_primary_email` (a list) say what is verified.
 * - Log-out: `logout_hint` takes the optional claim `login_hint`, and spares the user the question which account. A long URL is refused
 *   (AADSTS90015). Other applications are told by the front channel only: no logout token ever comes.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
 * @see https://learn.microsoft.com/entra/identity-platform/optional-claims-reference
 * @see https://learn.microsoft.com/entra/identity-platform/userinfo
 * @see https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc#send-a-sign-out-request
 */
export const entra: LoginHabits = {
  label: 'Microsoft',
  issuers: /^https:\/\/login\.microsoftonline\.(?:com|us)\//,
  hasFullIdTokens: true,
  otherEmailClaim: 'preferred_username',
  logout: { hintClaim: 'login_hint' },
};
