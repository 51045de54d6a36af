import { AuthError } from '../errors.js';
import { isRecord } from '../is-record.js';

/** What a provider says when the user, or a rule of its own, has refused (RFC 6749 §4.1.2.1). */
const REFUSALS: readonly string[] = ['access_denied', 'unauthorized_client'];

/** What it says when it would have to ask the user and was told not to (OpenID Connect Core §3.1.2.6). */
const NEEDS_USER: readonly string[] = [
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
];

/** What it says to us when it does not take our code, secret or request (RFC 6749 §5.2, RFC 9126 §2.3). */
const TOKEN_ERRORS: readonly string[] = [
  'invalid_grant',
  'invalid_client',
  'invalid_request',
  'invalid_redirect_uri',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
];

/** Codes of the protocol library that mean: the answer came, and it cannot be believed. */
const UNBELIEVABLE: readonly string[] = [
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
];

/** Answers whether the provider could not do without the user, which `prompt=none` forbade. */
export function needsUser(error: unknown): error is AuthError & { readonly reason: string } {
  return error instanceof AuthError && NEEDS_USER.includes(error.reason ?? '');
}

/** An answer that cannot be believed. `reason` is one fixed word. */
export function unbelievable(reason: string): AuthError {
  return new AuthError('LOGIN_FAILED', { reason });
}

/**
 * Passes a failure of the protocol library on in our words. What the provider wrote is left out: it may hold
 * anything, and so may the library's errors, which is why they become no `cause`.
 */
export function providerError(error: unknown): AuthError {
  if (error instanceof AuthError) return error;
  const { name, code, error: word } = isRecord(error) || error instanceof Error ? facts(error) : {};
  if (name === 'AuthorizationResponseError') return refusalOf(word);
  if (name === 'ResponseBodyError') {
    const reason = TOKEN_ERRORS.find((known) => known === word) ?? 'token_endpoint';
    return reason === 'invalid_grant'
      ? unbelievable(reason)
      : new AuthError('PROVIDER_ERROR', { reason });
  }
  if (typeof code === 'string' && UNBELIEVABLE.includes(code))
    return unbelievable(code.toLowerCase().replace('oauth_', ''));
  return new AuthError('PROVIDER_ERROR', {
    reason: code === 'OAUTH_TIMEOUT' ? 'timeout' : 'unreachable',
  });
}

function facts(error: object): { name?: unknown; code?: unknown; error?: unknown } {
  return error;
}

function refusalOf(word: unknown): AuthError {
  const reason = [...REFUSALS, ...NEEDS_USER].find((known) => known === word);
  if (reason === undefined)
    return word === 'server_error' || word === 'temporarily_unavailable'
      ? new AuthError('PROVIDER_ERROR', { reason: word })
      : unbelievable('refused_by_provider');
  return REFUSALS.includes(reason)
    ? new AuthError('LOGIN_DENIED', { reason })
    : unbelievable(reason);
}
