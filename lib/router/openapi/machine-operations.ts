import { MANAGE_USERS } from '../../sessions/impersonation.js';
import type { Operation, Operations } from './operation.js';

const caller = { scope: MANAGE_USERS };

/** API keys and service accounts. */
export const machineOperations: Operations = {
  'GET /keys': {
    operationId: 'listKeys',
    summary: "List the caller's API keys",
    caller: 'user',
    query: ['resource'],
    answers: { 200: 'ApiKeyList' },
  },
  'POST /keys': {
    operationId: 'createKey',
    summary: 'Make an API key for the caller',
    description: 'Takes a sign-in of the last ten minutes.',
    caller: 'user',
    json: 'CreateKeyRequest',
    answers: { 201: 'NewApiKey' },
    errors: ['AUTH_CONTEXT_REQUIRED', 'RESOURCE_FORBIDDEN', 'INSUFFICIENT_ROLE', 'CONFLICT'],
  },
  'DELETE /keys/:id': {
    operationId: 'endKey',
    summary: "End one of the caller's API keys",
    caller: 'user',
    answers: { 204: 'empty' },
    errors: ['NOT_FOUND'],
  },
  'GET /service-accounts': {
    operationId: 'listServiceAccounts',
    summary: 'List service accounts, the newest first',
    caller,
    query: ['org'],
    answers: { 200: 'ServiceAccountList' },
  },
  'POST /service-accounts': {
    operationId: 'createServiceAccount',
    summary: 'Add a service account, without a secret',
    caller,
    json: 'CreateServiceAccountRequest',
    answers: { 201: 'ServiceAccount' },
  },
  'GET /service-accounts/:id': {
    operationId: 'showServiceAccount',
    summary: 'Show a service account with its secrets, of which only ids and times are known',
    caller,
    answers: { 200: 'ServiceAccountWithSecrets' },
    errors: ['NOT_FOUND'],
  },
  'PATCH /service-accounts/:id': {
    operationId: 'updateServiceAccount',
    summary: 'Change a service account, from its next token on',
    caller,
    json: 'UpdateServiceAccountRequest',
    answers: { 200: 'ServiceAccount' },
    errors: ['NOT_FOUND', 'CONFLICT'],
  },
  'DELETE /service-accounts/:id': {
    operationId: 'deleteServiceAccount',
    summary: 'Remove a service account with its secrets',
    caller,
    answers: { 204: 'empty' },
    errors: ['NOT_FOUND'],
  },
  'POST /service-accounts/:id/secrets': {
    operationId: 'createSecret',
    summary: 'Add a secret to a service account',
    caller,
    json: 'CreateSecretRequest',
    answers: { 201: 'NewSecret' },
    errors: ['NOT_FOUND', 'CONFLICT'],
  },
  'DELETE /service-accounts/:id/secrets/:secret': {
    operationId: 'endSecret',
    summary: 'End a secret of a service account at once',
    caller,
    answers: { 204: 'empty' },
    errors: ['NOT_FOUND'],
  },
};

const clientToken: Operation = {
  operationId: 'token',
  summary: 'Get an access token for a service account (client credentials, RFC 6749 §4.4)',
  caller: 'client',
  form: 'ClientTokenRequest',
  isBound: true,
  answers: { 200: 'ClientTokens' },
  oauthErrors: [
    ...(['INVALID_REQUEST', 'INVALID_SCOPE', 'UNSUPPORTED_GRANT_TYPE'] as const),
    ...(['INVALID_CLIENT', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const),
  ],
};

/** `POST /token` where there are service accounts: with a form, beside the log-in with JSON where there are passwords. */
export function tokenOperation(byPassword: Operation | undefined): Operation {
  if (!byPassword) return clientToken;
  return {
    ...byPassword,
    ...clientToken,
    summary: 'Sign in with a password (JSON), or get an access token for a service account (form)',
    json: 'LoginRequest',
    answers: { 200: ['Tokens', 'ClientTokens'] },
  };
}
