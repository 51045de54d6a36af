import { ResponseBodyError } from 'openid-client';
import { describe, expect, it } from 'vitest';
import { providerError } from '../../lib/providers/errors.js';

/** What the protocol library makes of an error that a token endpoint answers. */
function answered(status: number, error: string): ResponseBodyError {
  const response = new Response(null, { status });
  return new ResponseBodyError('refused', { cause: { error }, response });
}

describe('a token endpoint that does not take the client secret', () => {
  it.each([
    { provider: 'GitHub', status: 400, error: 'incorrect_client_credentials' },
    { provider: 'Google', status: 401, error: 'invalid_client' },
    { provider: 'Google, of a client that was deleted', status: 401, error: 'deleted_client' },
    { provider: 'Apple', status: 400, error: 'invalid_client' },
    { provider: 'Entra', status: 401, error: 'invalid_client' },
    { provider: 'Cognito', status: 400, error: 'invalid_client' },
    // https://github.com/auth0-samples/auth0-golang-web-app/issues/2
    { provider: 'Auth0', status: 401, error: 'access_denied' },
    // https://github.com/keycloak/keycloak/issues/16923
    { provider: 'Keycloak', status: 401, error: 'unauthorized_client' },
  ])('is invalid_client, as $provider says it ($status $error)', ({ status, error }) => {
    expect(providerError(answered(status, error))).toMatchObject({
      code: 'PROVIDER_ERROR',
      reason: 'invalid_client',
    });
  });
});

it.each([
  {
    status: 400,
    error: 'unauthorized_client',
    code: 'PROVIDER_ERROR',
    reason: 'unauthorized_client',
  },
  { status: 400, error: 'access_denied', code: 'PROVIDER_ERROR', reason: 'token_endpoint' },
  { status: 401, error: 'invalid_grant', code: 'LOGIN_FAILED', reason: 'invalid_grant' },
  { status: 400, error: 'constructor', code: 'PROVIDER_ERROR', reason: 'token_endpoint' },
])('$error with $status is $code, $reason', ({ status, error, code, reason }) => {
  expect(providerError(answered(status, error))).toMatchObject({ code, reason });
});
