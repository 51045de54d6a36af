import { createPublicKey } from 'node:crypto';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { type AuthenticatorOptions, createAuthenticator } from './authenticator.js';
import { type Config, type ConfigOverrides, loadConfig, type LoadConfigOptions } from './config.js';
import type { RequestHead } from './credentials.js';
import { AuthError } from './errors.js';
import { type AuthEventListener, type AuthEventName, createEvents } from './events.js';
import type { IssuerOptions, KeySource } from './issuers/issuer-options.js';
import { type ErrorHandlerOptions, errorHandler } from './middleware/error-handler.js';
import { optionalAuth, type OptionalAuthOptions } from './middleware/optional-auth.js';
import { orgContext, type OrgContextOptions } from './middleware/org-context.js';
import { requireAnyScope } from './middleware/require-any-scope.js';
import { requireAuth, type RequireAuthOptions } from './middleware/require-auth.js';
import {
  requireAuthContext,
  type RequireAuthContextOptions,
} from './middleware/require-auth-context.js';
import { requireRoles } from './middleware/require-roles.js';
import { requireScopes } from './middleware/require-scopes.js';
import { sameOrigin, type SameOriginOptions } from './middleware/same-origin.js';
import { securityHeaders, type SecurityHeadersOptions } from './middleware/security-headers.js';
import type { Principal } from './principal.js';
import type { LoadPrincipalOption } from './principal-loader.js';
import { createVerifier, type Verifier, type VerifierOptions } from './verifier.js';

/**
 * What `createAuth()` takes: settings in the shape of the config tree, which win over the environment and the
 * config file, and what only code can say.
 */
export interface AuthOptions
  extends
    ConfigOverrides,
    Pick<LoadConfigOptions, 'env' | 'file' | 'prefix' | 'onWarning'>,
    Pick<VerifierOptions, 'resolveIssuer' | 'isRevoked' | 'cache' | 'realm' | 'now'> {
  /** Further issuers we accept, beside AUTH_TRUSTED_ISSUERS and the main one. */
  readonly issuers?: VerifierOptions['issuers'];
  /**
   * Looks up what a token cannot say, for `authenticate()` and every guard that doesn't bring its own. Gets no
   * more of the request than its headers, since not every request is Express'.
   */
  readonly loadPrincipal?: LoadPrincipalOption<RequestHead>;
}

/** The suite on one verifier and one configuration. */
export interface Auth {
  readonly config: Config;
  readonly verifier: Verifier;
  requireAuth(options?: RequireAuthOptions): RequestHandler;
  optionalAuth(options?: OptionalAuthOptions): RequestHandler;
  readonly requireScopes: typeof requireScopes;
  readonly requireAnyScope: typeof requireAnyScope;
  readonly requireRoles: typeof requireRoles;
  requireAuthContext(options: RequireAuthContextOptions): RequestHandler;
  orgContext(options?: OrgContextOptions): RequestHandler;
  /** Trusts AUTH_PUBLIC_URL and AUTH_CORS_ORIGINS unless told otherwise. */
  sameOrigin(options?: SameOriginOptions): RequestHandler;
  /** Uses AUTH_CORS_ORIGINS and AUTH_FRAME_ANCESTORS unless told otherwise; does nothing with AUTH_SECURITY_HEADERS=off. */
  securityHeaders(options?: SecurityHeadersOptions): RequestHandler;
  errorHandler(options?: ErrorHandlerOptions): ErrorRequestHandler;
  /**
   * Finds out who sends a request outside a middleware: a WebSocket upgrade, a GraphQL context. Rejects with
   * the same `AuthError` that `requireAuth()` answers with.
   */
  authenticate(request: RequestHead): Promise<Principal>;
  /** Resolves when every configured issuer's keys are there; rejects with the reason. Waiting for it is optional. */
  ready(): Promise<void>;
  /** Listens to an audit event. Returns the function that stops it. */
  on<Name extends AuthEventName>(name: Name, listener: AuthEventListener<Name>): () => void;
}

/**
 * Creates the suite from AUTH_* variables, a config file and options. Throws a `ConfigError` that lists every
 * problem of the settings, and a TypeError for an unsafe or misspelt option.
 */
export function createAuth(options: AuthOptions = {}): Auth {
  const { resolveIssuer, isRevoked, cache, realm, now, issuers, loadPrincipal, ...settings } =
    options;
  const { env, file, prefix, onWarning, ...overrides } = settings;
  const config = loadConfig({
    ...definedOnly({ env, file, prefix, onWarning }),
    overrides,
  });
  const events = createEvents();
  const verifier = createVerifier({
    ...definedOnly({ resolveIssuer, isRevoked, cache, realm, now }),
    issuers: allIssuers(config, issuers, resolveIssuer),
    allowLoopbackHttp: !config.production,
    events,
  });
  const pipeline = {
    ...definedOnly({ loadPrincipal, now }),
    ...(config.standalone && { devToken: config.devToken }),
  };
  return Object.freeze({
    config,
    verifier,
    requireAuth: (own) => requireAuth(verifier, { ...pipeline, ...own }),
    optionalAuth: (own) => optionalAuth(verifier, { ...pipeline, ...own }),
    requireScopes,
    requireAnyScope,
    requireRoles,
    requireAuthContext: (own) =>
      requireAuthContext({ realm: verifier.realm, ...definedOnly({ now }), ...own }),
    orgContext: (own) => orgContext({ events, ...own }),
    sameOrigin: (own) => sameOrigin({ origins: ownOrigins(config), ...own }),
    securityHeaders: (own) => edgeHeaders(config, own),
    errorHandler: (own) => errorHandler({ events, ...own }),
    authenticate: createAuthenticate(verifier, pipeline),
    ready: () => verifier.ready(),
    on: (name, listener) => events.on(name, listener),
  } satisfies Auth);
}

/** Throws a TypeError when there is nobody whose tokens could be accepted. */
function allIssuers(
  config: Config,
  issuers: AuthOptions['issuers'] = [],
  resolveIssuer: AuthOptions['resolveIssuer'],
): readonly IssuerOptions[] {
  const all = [...mainIssuer(config), ...config.trustedIssuers, ...[issuers].flat()];
  if (all.length === 0 && !resolveIssuer)
    throw new TypeError(
      "createAuth() knows nobody whose tokens it may accept: set AUTH_JWKS_URL and AUTH_JWT_ISSUER (somebody else's tokens), AUTH_JWT_SECRET and AUTH_PUBLIC_URL (our own), or AUTH_TRUSTED_ISSUERS",
    );
  return all;
}

/** The main issuer's policy: ourselves with our secret or private key, else somebody whose keys we were given. */
function mainIssuer({ jwt, claims }: Config): readonly IssuerOptions[] {
  const keys = mainKeys(jwt);
  if (!keys || !jwt.issuer) return [];
  return [
    {
      issuer: jwt.issuer,
      audience: jwt.audience ?? jwt.issuer,
      keys,
      claims,
      ...(jwt.algorithm && { algorithms: [jwt.algorithm] }),
    },
  ];
}

function mainKeys(jwt: Config['jwt']): KeySource | undefined {
  if (jwt.secret) return { secret: [jwt.secret, ...jwt.secretPrevious] };
  if (jwt.jwksUrl) return { jwksUri: jwt.jwksUrl };
  if (jwt.publicKey) return { publicKey: jwt.publicKey };
  if (jwt.privateKey)
    return { publicKey: [jwt.privateKey, ...jwt.privateKeyPrevious].map(publicHalf) };
  return undefined;
}

function publicHalf(privateKey: string) {
  return privateKey.trimStart().startsWith('{')
    ? createPublicKey({ key: JSON.parse(privateKey), format: 'jwk' })
    : createPublicKey(privateKey);
}

function ownOrigins({ publicUrl, corsOrigins }: Config): readonly string[] {
  const listed = corsOrigins.filter((origin) => origin !== '*');
  return publicUrl ? [new URL(publicUrl).origin, ...listed] : listed;
}

function edgeHeaders(config: Config, own: SecurityHeadersOptions = {}): RequestHandler {
  if (!config.securityHeaders) return (_req, _res, next) => next();
  const { corsOrigins, frameAncestors } = config;
  const origins = corsOrigins.includes('*') ? '*' : corsOrigins;
  return securityHeaders({
    ...(frameAncestors.length > 0 && { frameAncestors }),
    ...(origins.length > 0 && { cors: { origins } }),
    ...own,
  });
}

function createAuthenticate(
  verifier: Verifier,
  options: AuthenticatorOptions,
): Auth['authenticate'] {
  const authenticate = createAuthenticator(verifier, options);
  return async (request) => {
    const principal = await authenticate(request);
    if (!principal) throw new AuthError('CREDENTIALS_MISSING', { realm: verifier.realm });
    return principal;
  };
}

/** Without the members that are undefined, which `exactOptionalPropertyTypes` keeps apart from absent ones. */
function definedOnly<Options extends object>(
  options: Options,
): { [Name in keyof Options]?: Exclude<Options[Name], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  // What the type says is what the filter does; the compiler cannot follow it through Object.entries().
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(entries) as {
    [Name in keyof Options]?: Exclude<Options[Name], undefined>;
  };
}
