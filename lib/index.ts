export { type Auth, type AuthOptions, createAuth } from './auth.js';
export {
  type Config,
  ConfigError,
  type ConfigOverrides,
  loadConfig,
  type LoadConfigOptions,
  type OidcProvider,
} from './config.js';
export {
  createVerifier,
  type Verifier,
  type VerifierCounters,
  type VerifierOptions,
} from './verifier.js';
export { requireAuth, type RequireAuthOptions } from './middleware/require-auth.js';
export { optionalAuth, type OptionalAuthOptions } from './middleware/optional-auth.js';
export { requireScopes } from './middleware/require-scopes.js';
export { requireAnyScope } from './middleware/require-any-scope.js';
export { requireRoles, type RequireRolesOptions } from './middleware/require-roles.js';
export {
  requireAuthContext,
  type RequireAuthContextOptions,
} from './middleware/require-auth-context.js';
export {
  orgContext,
  type OrgContextOptions,
  type OrgResolver,
  type ResolvedMembership,
} from './middleware/org-context.js';
export { sameOrigin, type SameOriginOptions } from './middleware/same-origin.js';
export {
  type CorsOptions,
  securityHeaders,
  type SecurityHeadersOptions,
} from './middleware/security-headers.js';
export {
  errorHandler,
  type ErrorFormatter,
  type ErrorHandlerOptions,
} from './middleware/error-handler.js';
export {
  AuthError,
  type AuthErrorCode,
  type AuthErrorOptions,
  type ProblemDetails,
} from './errors.js';
export type {
  AttributeValue,
  Org,
  OrgMembership,
  Principal,
  PrincipalPatch,
  User,
} from './principal.js';
export type { ClaimPath, ClaimsMapping } from './claims-mapping.js';
export type {
  AsymmetricAlgorithm,
  IssuerOptions,
  KeySource,
  PublicKey,
  RemoteKeyOptions,
  Secret,
  SignatureAlgorithm,
  SymmetricAlgorithm,
} from './issuers/issuer-options.js';
export type { AuthenticatorOptions } from './authenticator.js';
export type { RequestHead } from './credentials.js';
export type {
  CachedLoadPrincipal,
  LoadPrincipal,
  LoadPrincipalOption,
} from './principal-loader.js';
export type { PresetName } from './providers/presets.js';
export type { IssuerResolver } from './issuers/resolved-issuers.js';
export type { RevocationHook } from './tokens/revocation.js';
export type { VerifiedTokenCacheOptions } from './tokens/verified-tokens.js';
export type {
  AuthEventListener,
  AuthEventName,
  AuthEvents,
  EventSink,
  RequestFacts,
} from './events.js';
export type { GithubSettings, GoogleSettings, JwtSettings } from './config/settings.js';
