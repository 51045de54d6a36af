import { AuthError } from '../errors.js';
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
  const { name, code, error: word } = isRecord(error) || error instanceof Error ? facts(error) : {};
  if (name === 'AuthorizationResponseError') return refusalOf(word);
  if (name === 'ResponseBodyError') {
    const reason = TOKEN_ERRORS.find((known) => known === word) ?? 'token_endpoint';
    return reason === 'invalid_grant'
      ? unverifiable(reason)
      : new AuthError('PROVIDER_ERROR', { reason });
  }
  if (typeof code === 'string' && UNVERIFIABLE.includes(code))
    return unverifiable(code.toLowerCase().replace('oauth_', ''));
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
      : unverifiable('refused_by_provider');
  return REFUSALS.includes(reason)
    ? new AuthError('LOGIN_DENIED', { reason })
    : unverifiable(reason);
}
