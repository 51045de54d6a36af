import type { ErrorRequestHandler, RequestHandler } from 'express';
import { type AuthenticatorOptions, createAuthenticator } from './authenticate/authenticator.js';
import {
  type Config,
  type ConfigOverrides,
  loadConfig,
  type LoadConfigOptions,
} from './config/config.js';
import type { RequestHead } from './authenticate/credentials.js';
import { createSessionReader } from './sessions/cookie-sessions.js';
import { AuthError } from './errors.js';
import { type AuthEventListener, type AuthEventName, createEvents } from './events.js';
import { createGrants, type GrantOf, type GrantOptions } from './issuing/grants.js';
import type { IssuerOptions, KeySource } from './verifier/trusted-issuers/options.js';
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
import { definedOnly } from './known-options.js';
import { type Principal, principalOf } from './principal.js';
import type { LoadPrincipalOption } from './authenticate/principal-loader.js';
import { ownOrigins } from './config/own-origins.js';
import { type AuthRouterOptions } from './router/parts.js';
import { createAuthRouter } from './router/auth-router.js';
import type { Passwords } from './accounts/passwords/passwords.js';
import type { Sessions } from './sessions/sessions.js';
import { createSignIn, type SignIn, type SignInOptions } from './sign-in.js';
import type { Store } from './stores/store.js';
import type { RevocationHook } from './verifier/tokens/revocation.js';
import type { Users } from './accounts/users.js';
import { createVerifier, type Verifier, type VerifierOptions } from './verifier/verifier.js';

/**
 * What `createAuth()` takes: settings in the shape of the config tree, which win over the environment and the
 * config file, and what only code can say.
 */
export interface AuthOptions
  extends
    Omit<ConfigOverrides, 'store'>,
    Omit<SignInOptions, 'store'>,
    Pick<LoadConfigOptions, 'env' | 'file' | 'prefix' | 'onWarning'>,
    Pick<VerifierOptions, 'resolveIssuer' | 'isRevoked' | 'cache' | 'realm' | 'now'> {
  /**
   * Where sessions and users are kept: a store, or the setting of AUTH_STORE_URL. A store that was passed in stays
   * open on `close()`. @defaultValue the store of AUTH_STORE_URL
   */
  readonly store?: Store | ConfigOverrides['store'];
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
   * The routes for signing in: log-in, refresh, log-out, passwords, sessions, users. Mount it where you like,
   * usually under `/api/auth`. Throws a TypeError without AUTH_JWT_SECRET or AUTH_JWT_PRIVATE_KEY.
   */
  router(options?: AuthRouterOptions): RequestHandler;
  /** Users, sessions, passwords and their store, for applications that sign in by themselves. A TypeError for others. */
  readonly users: Users;
  readonly sessions: Sessions;
  readonly passwords: Passwords;
  readonly store: Store;
  /**
   * Finds out who sends a request outside a middleware: a WebSocket upgrade, a GraphQL context. Rejects with
   * the same `AuthError` that `requireAuth()` answers with.
   */
  authenticate(request: RequestHead): Promise<Principal>;
  /**
   * A fresh access token of the identity provider that the caller signed in with, to call its APIs. `req` has passed
   * `requireAuth()`. See {@link Upstream.accessToken}.
   */
  upstreamToken(request: object): Promise<string>;
  /** Resolves when every configured issuer's keys are there and the store answers; rejects with the reason. Waiting for it is optional. */
  ready(): Promise<void>;
  /** Ends gracefully: waits for mails on their way, stops timers, closes the store. Close your server first. */
  close(): Promise<void>;
  /** Listens to an audit event. Returns the function that stops it. */
  on<Name extends AuthEventName>(name: Name, listener: AuthEventListener<Name>): () => void;
}

/**
 * Creates the suite from AUTH_* variables, a config file and options. Throws a `ConfigError` that lists every
 * problem of the settings, and a TypeError for an unsafe or misspelt option.
 */
export function createAuth(options: AuthOptions = {}): Auth {
  const { config, own } = readOptions(options);
  const { now = Date.now, loadPrincipal, resolveIssuer, realm, cache: tokenCache } = own;
  const events = createEvents();
  const signIn = signsTokens(config) ? createSignIn(config, own, { events, now }) : undefined;
  const verifier = createVerifier({
    ...definedOnly({ resolveIssuer, tokenCache, realm, now }),
    ...definedOnly({ isRevoked: joinRevocation(own.isRevoked, config, signIn) }),
    issuers: allIssuers(config, signIn, own),
    allowLoopbackHttp: !config.production,
    events,
  });
  const grants = createGrantBook();
  const pipeline: AuthenticatorOptions = {
    ...definedOnly({ loadPrincipal, now }),
    ...(signIn && sessionPipeline(config, signIn, { verifier, grants, own, now })),
    ...(config.standalone && { devToken: config.devToken, devOrigins: ownOrigins(config) }),
  };
  return Object.freeze({
    config,
    verifier,
    requireAuth: (guard) => requireAuth(verifier, { ...pipeline, ...guard }),
    optionalAuth: (guard) => optionalAuth(verifier, { ...pipeline, ...guard }),
    requireScopes,
    requireAnyScope,
    requireRoles,
    requireAuthContext: (guard) =>
      requireAuthContext({ realm: verifier.realm, ...definedOnly({ now }), ...guard }),
    orgContext: (guard) => orgContext({ events, ...guard }),
    sameOrigin: (guard) => sameOrigin({ origins: ownOrigins(config), ...guard }),
    securityHeaders: (guard) => edgeHeaders(config, guard),
    errorHandler: (handler) => errorHandler({ events, ...handler }),
    router(routes = {}) {
      const parts = { ...needed(signIn), config, verifier, events, pipeline, now };
      const router = createAuthRouter(parts, routes);
      grants.use(routes);
      return router;
    },
    get users() {
      return needed(signIn).users;
    },
    get sessions() {
      return needed(signIn).sessions;
    },
    get passwords() {
      return needed(signIn).passwords;
    },
    get store() {
      return needed(signIn).store;
    },
    authenticate: createAuthenticate(verifier, pipeline),
    upstreamToken: async (request) => upstreamToken(config, needed(signIn), principalOf(request)),
    async ready() {
      await verifier.ready();
      await signIn?.ready();
    },
    close: async () => signIn?.close(),
    on: (name, listener) => events.on(name, listener),
  } satisfies Auth);
}

interface SessionPipelineContext {
  readonly verifier: Verifier;
  readonly grants: ReturnType<typeof createGrantBook>;
  readonly own: OwnOptions;
  readonly now: () => number;
}

/** What guards can do when sessions are ours. */
function sessionPipeline(
  config: Config,
  signIn: SignIn,
  { verifier, grants, own, now }: SessionPipelineContext,
): AuthenticatorOptions {
  return {
    isSessionLive: (principal) => isSessionLive(principal, config, signIn),
    // Left open otherwise: a guard that redirects takes the cookie by itself.
    ...(config.cookieSessions && { cookie: true }),
    readSession: createSessionReader({
      ...signIn,
      verifier,
      grantOf: (live) => grants.current(live),
      allowedOrigins: new Set(ownOrigins(config)),
      lagSeconds: own.sessions?.revocationLagSeconds ?? 5,
      now,
    }),
  };
}

/** What session cookies are good for: the same as the tokens of the router, which may be made after the guards. */
function createGrantBook() {
  let current: GrantOf = createGrants({});
  return {
    current: (live: Parameters<GrantOf>[0]) => current(live),
    use(options: GrantOptions): void {
      current = createGrants(options);
    },
  };
}

type OwnOptions = Omit<SignInOptions, 'store'> & {
  readonly store?: Store;
} & Pick<
    AuthOptions,
    'resolveIssuer' | 'isRevoked' | 'cache' | 'realm' | 'now' | 'issuers' | 'loadPrincipal'
  >;

/** Parts settings from what only code can say. */
function readOptions(options: AuthOptions): { config: Config; own: OwnOptions } {
  const { resolveIssuer, isRevoked, cache, realm, now, issuers, loadPrincipal, ...rest } = options;
  const { store, users, passwords, sessions, resolveProvider, provision, ...more } = rest;
  const { fetch, env, file, prefix, onWarning, ...overrides } = more;
  const ownStore = isStore(store) ? store : undefined;
  const config = loadConfig({
    ...definedOnly({ env, file, prefix, onWarning }),
    // A store of the application's own is what the URL would have named: nothing is missing.
    overrides: { ...overrides, store: isStore(store) ? { url: 'memory:' } : store },
  });
  const own = { resolveIssuer, isRevoked, cache, realm, now, issuers, loadPrincipal };
  return {
    config,
    own: definedOnly({
      ...own,
      store: ownStore,
      users,
      passwords,
      sessions,
      resolveProvider,
      provision,
      fetch,
    }),
  };
}

function isStore(store: AuthOptions['store']): store is Store {
  return store !== undefined && 'sessions' in store;
}

function signsTokens({ jwt }: Config): boolean {
  return jwt.secret !== undefined || jwt.privateKey !== undefined;
}

function needed(signIn: SignIn | undefined): SignIn {
  if (signIn) return signIn;
  throw new TypeError(
    'this application only verifies tokens; to sign users in, set AUTH_JWT_SECRET (make one with `openssl rand -base64 48`) or AUTH_JWT_PRIVATE_KEY',
  );
}

/** What was revoked by us, from memory, and then what the application says. */
function joinRevocation(
  hook: RevocationHook | undefined,
  config: Config,
  signIn: SignIn | undefined,
): RevocationHook | undefined {
  if (!signIn) return hook;
  const { sessions } = signIn;
  return (principal) => {
    const { issuer, sessionId } = principal;
    const isOurs = issuer === config.jwt.issuer && sessionId !== undefined;
    const isEnded = isOurs && sessions.isRevoked(sessionId);
    if (!hook || isEnded === true) return isEnded;
    return isEnded === false ? hook(principal) : isEnded.then((ended) => ended || hook(principal));
  };
}

/** A token of ours without a session cannot be told to live; other issuers' sessions are not with us. */
function isSessionLive(
  { issuer, sessionId }: Principal,
  config: Config,
  { sessions }: SignIn,
): boolean | Promise<boolean> {
  if (issuer !== config.jwt.issuer) return true;
  return sessionId !== undefined && sessions.isLive(sessionId);
}

async function upstreamToken(
  { jwt }: Config,
  { upstream }: SignIn,
  { issuer, sessionId }: Principal,
): Promise<string> {
  if (issuer === jwt.issuer && sessionId !== undefined) return upstream.accessToken(sessionId);
  throw new AuthError('AUTH_CONTEXT_REQUIRED', { reason: 'no_upstream' });
}

/** Throws a TypeError when there is nobody whose tokens could be accepted. */
function allIssuers(
  config: Config,
  signIn: SignIn | undefined,
  { issuers = [], resolveIssuer }: OwnOptions,
): readonly IssuerOptions[] {
  const main = signIn ? [signIn.issuer.issuerOptions()] : somebodyElse(config);
  const all = [...main, ...config.trustedIssuers, ...[issuers].flat()];
  if (all.length === 0 && !resolveIssuer)
    throw new TypeError(
      "createAuth() knows nobody whose tokens it may accept: set AUTH_JWKS_URL and AUTH_JWT_ISSUER (somebody else's tokens), AUTH_JWT_SECRET and AUTH_PUBLIC_URL (our own), or AUTH_TRUSTED_ISSUERS",
    );
  return all;
}

/** The main issuer where we only verify: whose keys we were given. */
function somebodyElse({ jwt, claims }: Config): readonly IssuerOptions[] {
  const { issuer, jwksUrl, publicKey, algorithm } = jwt;
  const keys = keysOf({ jwksUrl, publicKey });
  if (!keys || !issuer) return [];
  return [
    {
      issuer,
      audience: jwt.audience ?? issuer,
      keys,
      claims,
      allowedOrgs: 'any',
      ...(algorithm && { algorithms: [algorithm] }),
    },
  ];
}

function keysOf({
  jwksUrl,
  publicKey,
}: Pick<Config['jwt'], 'jwksUrl' | 'publicKey'>): KeySource | undefined {
  if (jwksUrl) return { jwksUri: jwksUrl };
  return publicKey ? { publicKey } : undefined;
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
