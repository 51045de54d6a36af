import type { LoginHabits } from '../login-habits.js';

/**
 * Amazon Cognito user pools with managed login or the classic hosted UI.
 *
 * - Tokens: the ID token has `cognito:username`, `cognito:groups`, `token_use`, `event_id`, `origin_jti`, and no `sid`; `acr` and `amr` are being
 *   added. At userinfo `email_verified` is text.
 * - Log-out: `/logout`, in the metadata since February 2024 although it is none of OpenID Connect: it wants `client_id` and `logout_uri`, and
 *   answers with an error page without. It sends no logout tokens.
 *
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html
 */
export const cognito: LoginHabits = {
  label: 'Amazon Cognito',
  issuers: /^https:\/\/cognito-idp\.[\w-]+\.amazonaws\.com\//,
  logout: { returnParameter: 'logout_uri', idTokenHint: 'ignored' },
};
