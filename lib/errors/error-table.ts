/** Every refusal that this package responds with. Codes never change their meaning, so callers may switch on them. */
export type AuthErrorCode =
  | 'CREDENTIALS_MISSING'
  | 'TOKEN_EXPIRED'
  | 'INVALID_TOKEN'
  | 'TOKEN_REVOKED'
  | 'INVALID_DPOP_PROOF'
  | 'USE_DPOP_NONCE'
  | 'INVALID_CREDENTIALS'
  | 'INVALID_CLIENT'
  | 'LOGIN_FAILED'
  | 'LOGIN_DENIED'
  | 'REFRESH_INVALID'
  | 'REFRESH_REUSED'
  | 'AUTH_CONTEXT_REQUIRED'
  | 'INSUFFICIENT_SCOPE'
  | 'INSUFFICIENT_ROLE'
  | 'INVALID_REQUEST'
  | 'INVALID_SCOPE'
  | 'UNSUPPORTED_GRANT_TYPE'
  | 'ORG_REQUIRED'
  | 'ORG_FORBIDDEN'
  | 'RESOURCE_FORBIDDEN'
  | 'CROSS_SITE_REQUEST'
  | 'IMPERSONATION_ACTIVE'
  | 'IMPERSONATION_DENIED'
  | 'PASSWORD_CHANGE_REQUIRED'
  | 'PASSWORD_POLICY'
  | 'RATE_LIMITED'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'CONFLICT'
  | 'SERVER_BUSY'
  | 'KEYS_UNAVAILABLE'
  | 'STORE_UNAVAILABLE'
  | 'PROVIDER_ERROR'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'PAYLOAD_TOO_LARGE';

/** `error` values of a Bearer challenge (RFC 6750 §3.1, RFC 9470 §3). */
type BearerError =
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'insufficient_user_authentication';

interface ErrorRow {
  readonly status: number;
  /** What kind of problem it is (RFC 9457 §3.1.3). */
  readonly title: string;
  /** The explanation, unless one is given for the occasion (RFC 9457 §3.1.4). */
  readonly text: string;
  readonly bearerError?: BearerError;
  /** The same of a DPoP challenge (RFC 9449 §7.1, §9). */
  readonly proofError?: 'invalid_dpop_proof' | 'use_dpop_nonce';
}

export const errorTable: Readonly<Record<AuthErrorCode, ErrorRow>> = {
  CREDENTIALS_MISSING: {
    status: 401,
    title: 'Access token required',
    text: 'This resource needs an access token.',
  },
  TOKEN_EXPIRED: {
    status: 401,
    title: 'Access token expired',
    text: 'The access token has expired.',
    bearerError: 'invalid_token',
  },
  INVALID_TOKEN: {
    status: 401,
    title: 'Invalid access token',
    text: 'The access token is not valid.',
    bearerError: 'invalid_token',
  },
  TOKEN_REVOKED: {
    status: 401,
    title: 'Access token revoked',
    text: 'The access token has been revoked.',
    bearerError: 'invalid_token',
  },
  INVALID_DPOP_PROOF: {
    status: 401,
    title: 'Invalid DPoP proof',
    text: 'The DPoP proof is missing, is not valid, or was used before.',
    proofError: 'invalid_dpop_proof',
  },
  USE_DPOP_NONCE: {
    status: 401,
    title: 'DPoP nonce required',
    text: 'The DPoP proof must hold the nonce that `DPoP-Nonce` says.',
    proofError: 'use_dpop_nonce',
  },
  INVALID_CREDENTIALS: {
    status: 401,
    title: 'Wrong user name or password',
    text: 'The user name or the password is wrong.',
  },
  INVALID_CLIENT: {
    status: 401,
    title: 'Client not authenticated',
    text: 'The client did not prove itself.',
  },
  LOGIN_FAILED: {
    status: 401,
    title: 'Sign-in failed',
    text: 'Signing in did not succeed. Try again.',
  },
  LOGIN_DENIED: { status: 403, title: 'Sign-in not allowed', text: 'You cannot sign in this way.' },
  REFRESH_INVALID: {
    status: 401,
    title: 'Invalid refresh token',
    text: 'The refresh token is not valid.',
  },
  REFRESH_REUSED: {
    status: 401,
    title: 'Refresh token used before',
    text: 'The refresh token was used before; its session has ended.',
  },
  AUTH_CONTEXT_REQUIRED: {
    status: 401,
    title: 'Stronger sign-in required',
    text: 'This resource needs a stronger or more recent sign-in.',
    bearerError: 'insufficient_user_authentication',
  },
  INSUFFICIENT_SCOPE: {
    status: 403,
    title: 'Insufficient scope',
    text: 'The access token lacks a scope that this resource needs.',
    bearerError: 'insufficient_scope',
  },
  INSUFFICIENT_ROLE: {
    status: 403,
    title: 'Insufficient role',
    text: 'Your role does not allow this.',
  },
  INVALID_REQUEST: {
    status: 400,
    title: 'Malformed request',
    text: 'The request is malformed.',
    bearerError: 'invalid_request',
  },
  INVALID_SCOPE: {
    status: 400,
    title: 'Scope not granted',
    text: 'The client may not have a scope that it asks for.',
  },
  UNSUPPORTED_GRANT_TYPE: {
    status: 400,
    title: 'Unsupported grant type',
    text: 'The grant_type is not supported; client_credentials is.',
  },
  ORG_REQUIRED: {
    status: 400,
    title: 'Organisation required',
    text: 'Name the organisation this request is for.',
  },
  ORG_FORBIDDEN: {
    status: 403,
    title: 'Not a member of the organisation',
    text: 'You are not a member of this organisation.',
  },
  RESOURCE_FORBIDDEN: {
    status: 403,
    title: 'Not for this resource',
    text: 'The API key is for another resource.',
  },
  CROSS_SITE_REQUEST: {
    status: 403,
    title: 'Origin not allowed',
    text: 'This request did not come from an allowed origin.',
  },
  IMPERSONATION_ACTIVE: {
    status: 403,
    title: 'Not while acting as another user',
    text: 'Only the user in person can do this.',
  },
  IMPERSONATION_DENIED: {
    status: 403,
    title: 'User cannot be impersonated',
    text: 'You cannot act as this user.',
  },
  PASSWORD_CHANGE_REQUIRED: {
    status: 403,
    title: 'Password change required',
    text: 'Change your password first.',
  },
  PASSWORD_POLICY: {
    status: 400,
    title: 'Password not acceptable',
    text: 'The new password is not acceptable.',
  },
  RATE_LIMITED: {
    status: 429,
    title: 'Too many requests',
    text: 'The limit of requests is reached. Wait as long as `Retry-After` says.',
  },
  NOT_FOUND: { status: 404, title: 'Not found', text: 'There is nothing at this address.' },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'Method not allowed',
    text: 'This resource does not support the method; `Allow` lists those that it does.',
  },
  CONFLICT: {
    status: 409,
    title: 'Conflict',
    text: 'This is taken already, or was changed by another request.',
  },
  SERVER_BUSY: {
    status: 503,
    title: 'Server busy',
    text: 'This service is busy. Try again later.',
  },
  KEYS_UNAVAILABLE: {
    status: 503,
    title: 'Keys unavailable',
    text: 'Access tokens cannot be verified at the moment. Try again later.',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    title: 'Store unavailable',
    text: 'This service cannot answer at the moment. Try again later.',
  },
  PROVIDER_ERROR: {
    status: 502,
    title: 'Identity provider error',
    text: 'The identity provider did not answer as it should.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'Unsupported media type',
    text: 'The content type is not supported.',
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    title: 'Request body too large',
    text: 'The request body is too large.',
  },
};
