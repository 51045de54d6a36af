import type { Operations } from './operation.js';

/** Sessions of the caller. */
export const sessionOperations: Operations = {
  'POST /refresh': {
    operationId: 'refresh',
    summary: 'Exchange a refresh token for the next one',
    description:
      'The token is that of the body or of the session cookie; its successor is delivered the same way.',
    caller: 'cookie',
    json: 'RefreshRequest',
    isBound: true,
    answers: { 200: 'Tokens' },
    errors: ['REFRESH_INVALID', 'REFRESH_REUSED'],
  },
  'POST /revoke': {
    operationId: 'revoke',
    summary: 'End the session of a refresh token (RFC 7009)',
    description: '200 for any token. One of `refresh_token` and `token` is needed.',
    caller: 'none',
    json: 'RevokeRequest',
    form: 'RevokeRequest',
    answers: { 200: 'empty' },
  },
  'POST /logout': {
    operationId: 'logout',
    summary: 'End this session, or every session of the user',
    caller: 'newPassword',
    json: 'LogoutRequest',
    answers: { 204: 'empty' },
  },
  'GET /me': {
    operationId: 'me',
    summary: 'Tell who calls',
    caller: 'any',
    answers: { 200: 'Me' },
  },
  'GET /session': {
    operationId: 'session',
    summary: 'Tell whether the caller is signed in, and for how long',
    description: '200 for anonymous callers, too.',
    caller: 'optional',
    answers: { 200: 'SessionState' },
  },
  'GET /sessions': {
    operationId: 'listSessions',
    summary: "List the caller's sessions, the newest first",
    caller: 'user',
    query: ['limit', 'after'],
    answers: { 200: 'SessionList' },
  },
  'DELETE /sessions/:id': {
    operationId: 'endSession',
    summary: "End one of the caller's sessions",
    caller: 'user',
    answers: { 204: 'empty' },
    errors: ['NOT_FOUND'],
  },
  'GET /identities': {
    operationId: 'listIdentities',
    summary: 'List what the caller can sign in with',
    caller: 'user',
    answers: { 200: 'WaysIn' },
  },
  'DELETE /identities/:provider': {
    operationId: 'removeIdentity',
    summary: 'Remove a provider from what the caller can sign in with',
    description: 'Takes a sign-in of the last ten minutes.',
    caller: 'user',
    answers: { 204: 'empty' },
    errors: ['AUTH_CONTEXT_REQUIRED', 'NOT_FOUND', 'CONFLICT'],
  },
};
