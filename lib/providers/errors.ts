import { AuthError } from '../errors.js';
import { PrivateAddressError } from '../http/public-fetch.js';
import { isRecord } from '../is-record.js';

/** Errors of a provider when the user, or a rule of its own, refuses (RFC 6749 §4.1.2.1). */
const REFUSALS: readonly string[] = ['access_denied', 'unauthorized_client'];

/** Errors of a provider that would have to ask the user, with `prompt=none` (OpenID Connect Core §3.1.2.6). */
const NEEDS_USER: readonly string[] = [
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
];

/** Errors of a provider that doesn't accept what we asked for: mistakes in its settings or ours (RFC 6749 §4.1.2.1). */
const REQUEST_ERRORS: readonly string[] = [
  'invalid_request',
  'invalid_scope',
  'invalid_redirect_uri',
  'unsupported_response_type',
];

/** Errors of a provider that doesn't accept our code, secret or request (RFC 6749 §5.2, RFC 9126 §2.3). */
const TOKEN_ERRORS: readonly string[] = [
  'invalid_grant',
  'invalid_client',
  'invalid_request',
  'invalid_redirect_uri',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
];

/** What providers write in the place of a word of the standard. */
const OWN_WORDS: ReadonlyMap<unknown, string> = new Map([
  // Apple, in callbacks: https://developer.apple.com/documentation/technotes/tn3107-resolving-sign-in-with-apple-response-errors
  ['user_cancelled_authorize', 'access_denied'],
  // GitHub: https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors
  ['application_suspended', 'unauthorized_client'],
  // Google writes it, too: https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors
  ['redirect_uri_mismatch', 'invalid_redirect_uri'],
  ['deleted_client', 'invalid_client'],
  ['disabled_client', 'invalid_client'],
  // GitHub: https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
  ['incorrect_client_credentials', 'invalid_client'],
  ['bad_verification_code', 'invalid_grant'],
  ['bad_refresh_token', 'invalid_grant'],
]);

/** GitHub's refusal of a user whose primary address is not verified. */
const UNVERIFIED_EMAIL = 'unverified_user_email';

/**
 * Keycloak's `error_description`, of a `temporarily_unavailable`, when the user took too long there and is signed in meanwhile (since 25): it is
 * up, and to sign in once more is all it takes.
 */
const EXPIRED = 'authentication_expired';

/** Codes of the protocol library for an answer that came and can't be verified. */
const UNVERIFIABLE: readonly string[] = [
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
];

/** Whether the provider would have had to ask the user, which `prompt=none` forbids. */
export function needsUser(error: unknown): error is AuthError & { readonly reason: string } {
  return error instanceof AuthError && NEEDS_USER.includes(error.reason ?? '');
}

/** LOGIN_FAILED, for an answer that can't be verified. `reason` is one fixed word. */
export function unverifiable(reason: string): AuthError {
  return new AuthError('LOGIN_FAILED', { reason });
}

/**
 * Converts an error of the protocol library to an AuthError. Leaves out what the provider wrote, which may be anything;
 * the library's errors repeat it, so they don't become the `cause`.
 */
export function providerError(error: unknown): AuthError {
  if (error instanceof AuthError) return error;
  if (error instanceof PrivateAddressError)
    return new AuthError('PROVIDER_ERROR', { reason: 'private_address' });
  const {
    name,
    code,
    status,
    error: word,
    error_description: description,
  } = isRecord(error) || error instanceof Error ? facts(error) : {};
  if (name === 'AuthorizationResponseError')
    return description === EXPIRED ? unverifiable(EXPIRED) : refusalOf(OWN_WORDS.get(word) ?? word);
  if (name === 'ResponseBodyError') return tokenError(OWN_WORDS.get(word) ?? word, status);
  if (typeof code === 'string' && UNVERIFIABLE.includes(code))
    return unverifiable(code.toLowerCase().replace('oauth_', ''));
  return new AuthError('PROVIDER_ERROR', {
    reason: code === 'OAUTH_TIMEOUT' ? 'timeout' : 'unreachable',
  });
}

interface ErrorFacts {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly error?: unknown;
  readonly error_description?: unknown;
}

function facts(error: object): ErrorFacts {
  return error;
}

/**
 * 401 is for a client that isn't believed, and for nothing else (RFC 6749 §5.2). Of the wrong secret Auth0 says `access_denied` then,
 * and Keycloak `unauthorized_client`.
 */
function tokenError(word: unknown, status: unknown): AuthError {
  if (word === UNVERIFIED_EMAIL)
    return new AuthError('LOGIN_DENIED', { reason: 'email_unverified' });
  const known = TOKEN_ERRORS.find((each) => each === word);
  const isUnbelieved = status === 401 && (known === undefined || known === 'unauthorized_client');
  const reason = isUnbelieved ? 'invalid_client' : (known ?? 'token_endpoint');
  return reason === 'invalid_grant'
    ? unverifiable(reason)
    : new AuthError('PROVIDER_ERROR', { reason });
}

function refusalOf(word: unknown): AuthError {
  const reason = [...REFUSALS, ...NEEDS_USER].find((known) => known === word);
  if (reason === undefined) {
    if (word === 'server_error' || word === 'temporarily_unavailable')
      return new AuthError('PROVIDER_ERROR', { reason: word });
    return unverifiable(REQUEST_ERRORS.find((known) => known === word) ?? 'refused_by_provider');
  }
  return REFUSALS.includes(reason)
    ? new AuthError('LOGIN_DENIED', { reason })
    : unverifiable(reason);
}
