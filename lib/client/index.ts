export { AuthClientError, type AuthClientErrorCode } from './client-error.js';
export type {
  AuthClient,
  AuthClientOptions,
  Login,
  Session,
  SessionUser,
  Token,
} from './options.js';
