export { type Auth, createAuth } from './auth.js';
export type { AuthStatus, IssuerState, KeyState, StatusReason } from './status.js';
export type { ProtectedResource, ProtectedResourceOptions } from './auth/resource.js';
export { describeGuard, type GuardDescription } from './audit/guard-facts.js';
export type { CredentialWay, GuardFacts, GuardKind } from './audit/guard-facts.js';
export type {
  LeftOutRoute,
  OpenapiSecurity,
  SecuredOperation,
  SecuredPath,
  SecurityRequirement,
} from './audit/openapi-security.js';
export type { SecurityScheme, SecuritySchemes } from './audit/security-schemes.js';
export type { AuditedRoute, RouteFinding } from './audit/route.js';
export type { AuthOptions } from './auth/options.js';
export {
  type Config,
  ConfigError,
  type ConfigOverrides,
  loadConfig,
  type LoadConfigOptions,
  type OidcProvider,
} from './config/config.js';
export { createVerifier, type Verifier, type VerifierCounters } from './verifier/verifier.js';
export type { VerifierOptions } from './verifier/options.js';
export { requireAuth, type RequireAuthOptions } from './middleware/require-auth.js';
export { optionalAuth, type OptionalAuthOptions } from './middleware/optional-auth.js';
export { requireScopes } from './middleware/require-scopes.js';
export type { RequireScopesOptions } from './middleware/scopes.js';
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
export type { PagesOptions } from './pages/options.js';
export type { PageTexts } from './pages/texts/texts.js';
export type { TextOptions } from './pages/words.js';
export {
  AuthError,
  type AuthErrorCode,
  type AuthErrorOptions,
  type ProblemDetails,
} from './errors.js';
export { optionalPrincipalOf, orgOf, principalOf } from './principal.js';
export { requestIdOf } from './http/request-facts.js';
export type { Actor, AttributeValue, Org, OrgMembership, Principal, User } from './principal.js';
export type { ClaimPath } from './claims/claim-paths.js';
export type { ClaimsMapping } from './claims/claims-mapping.js';
export type {
  AsymmetricAlgorithm,
  IntrospectionOptions,
  IssuerOptions,
  KeySource,
  PublicKey,
  PublishedKeys,
  RemoteKeyOptions,
  Secret,
  SignatureAlgorithm,
  SymmetricAlgorithm,
} from './verifier/trusted-issuers/options.js';
export type { AuthenticatorOptions } from './authenticate/authenticator.js';
export type { ClientCertificateOptions } from './authenticate/certificates/client-certificates.js';
export type { CertificateFormat } from './authenticate/certificates/forwarded-certificate.js';
export type { DpopMode } from './authenticate/dpop/guard-proofs.js';
export type { RequestHead } from './authenticate/credentials.js';
export type {
  CachedLoadPrincipal,
  LoadPrincipal,
  LoadPrincipalOption,
} from './authenticate/principal-loader.js';
export type { AuthRouterOptions } from './router/parts.js';
export type { Mail, SendMail } from './router/password/mail.js';
export type { LiveSession, SessionOptions, Sessions } from './sessions/sessions.js';
export type { SessionActor, SessionNotes } from './sessions/session-notes.js';
export type { NewUser, UserEdit, Users } from './accounts/users.js';
export type {
  NewServiceAccount,
  ServiceAccountChange,
  ServiceAccounts,
} from './accounts/service-accounts.js';
export type { ServiceAccount } from './accounts/stored-accounts.js';
export type { ClientSecret, NewClientSecret } from './accounts/client-secrets.js';
export type {
  NewMember,
  OrgActor,
  OrganisationOptions,
  Organisations,
} from './accounts/organisations.js';
export type { Invitation, NewInvitation, SentInvitation } from './accounts/invitations.js';
export type { MemberKey } from './accounts/membership-reader.js';
export type { PasswordOptions, Passwords, PolicyQuestion } from './accounts/passwords/passwords.js';
export type { PasswordVerdict, VerifyForeign } from './accounts/passwords/verify-password.js';
export type { ApiKey } from './accounts/api-key-row.js';
export type { ApiKeyOptions, NewApiKey } from './accounts/api-key-rules.js';
export type { ApiKeys, CreatedApiKey, KeyRevocation } from './accounts/api-keys.js';
export { memoryStore } from './stores/memory/memory.js';
export { openStore } from './stores/open-store.js';
export {
  type SqliteDatabase,
  type SqliteStatement,
  sqliteStore,
  type StoreAdapterOptions,
} from './stores/sqlite/sqlite.js';
export { type PostgresClient, postgresStore } from './stores/postgres/postgres.js';
export { redisStore, type RedisStoreOptions } from './stores/redis/redis.js';
export type { RedisClient } from './stores/redis/client.js';
export type {
  Count,
  CountOptions,
  CredentialFilter,
  CredentialStore,
  InstanceReport,
  InstanceStore,
  JoinedSessions,
  NewCredential,
  NewSession,
  OnceStore,
  Revocation,
  RevocationPage,
  Rotation,
  Session,
  SessionChange,
  SessionOfUser,
  SessionPage,
  SessionProvider,
  SessionSelector,
  SessionStore,
  Store,
  StoredCredential,
  StoredReport,
  StoredUser,
  UserChange,
  UserStore,
} from './stores/store.js';
export {
  type Membership,
  type OrgPage,
  type OrgStore,
  OWNER_ROLE,
  type StoredMember,
  type StoredOrg,
} from './stores/org-store.js';
export type { ProviderOptions } from './providers/providers.js';
export type { ProviderResolver } from './providers/resolved-providers.js';
export type { OpenidProviderSettings } from './providers/openid.js';
export type { Identity, ProviderAccess } from './accounts/identity.js';
export type { PrincipalPatch } from './authenticate/principal-patch.js';
export type { IdentityOptions } from './accounts/identities.js';
export type { IdentityLink, NamedIdentity } from './accounts/identity-links.js';
export type { UserIdentities } from './accounts/user-identities.js';
export type { GrantOptions } from './issuing/grants.js';
export type { PresetName } from './claims/presets/presets.js';
export type { IssuerResolver } from './verifier/trusted-issuers/resolved-issuers.js';
export type { RevocationHook } from './verifier/tokens/revocation.js';
export type { VerifiedTokenCacheOptions } from './verifier/tokens/verified-tokens.js';
export type { AuthEventListener, EventSink } from './events.js';
export type { AuthEventName, AuthEvents, OrgFacts, RequestFacts } from './events/auth-events.js';
export { type EventLabel, eventLabels, eventNames, labelsOf } from './events/labels.js';
export { createAuthRouter } from './router/auth-router.js';
export type { RouterParts } from './router/parts.js';
export type {
  AppleSettings,
  DpopSettings,
  GithubSettings,
  GoogleSettings,
  JwtSettings,
} from './config/settings.js';
