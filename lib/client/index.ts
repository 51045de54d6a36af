export { type ApiClient, type ApiClientOptions, createApiClient } from './api-client.js';
export { createAuthClient } from './auth-client.js';
export { AuthClientError, type AuthClientErrorCode } from './client-error.js';
export type {
  AuthClient,
  AuthClientOptions,
  Login,
  Session,
  SessionUser,
  Token,
} from './options.js';
