import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { AuditedRoute } from './audit/route.js';
import { type OpenapiSecurity, openapiSecurity } from './audit/openapi-security.js';
import { auditRoutes } from './audit/route-table.js';
import { type AuthOptions, type OwnAuthOptions, readAuthOptions } from './auth/options.js';
import { type KnownRouter, pagesOfRouter } from './auth/pages-of-router.js';
import { createLifecycle } from './auth/lifecycle.js';
import { applicationProofs } from './auth/proofs.js';
import { needed, type SignInParts, withSignInParts } from './auth/sign-in-parts.js';
import { applicationVerifier, trustedIssuerNames } from './auth/verifier.js';
import { createRequestCheck } from './authenticate/authenticate-request.js';
import type { AuthenticatorContext } from './authenticate/authenticator.js';
import { createThumbprintReader } from './authenticate/certificates/client-certificates.js';
import type { Config } from './config/config.js';
import type { RequestHead } from './authenticate/credentials.js';
import { createCookieSessions } from './sessions/cookie-sessions.js';
import { AuthError } from './errors.js';
import { type AuthEventListener, createEvents, type Events } from './events.js';
import type { AuthEventName } from './events/auth-events.js';
import { createGrants, type GrantOf, latestGrants } from './issuing/grants.js';
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
import { createPlace, type Place } from './http/place.js';
import { announceCreated, type CreatedAuth } from './doctor/created.js';
import { refuseFlaws } from './doctor/refuse-flaws.js';
import { definedOnly } from './known-options.js';
import { isClientPrincipal, type OrgMembership, type Principal, principalOf } from './principal.js';
import {
  createResources,
  type ProtectedResource,
  type ProtectedResourceOptions,
} from './auth/resource.js';
import { corsSettings, ownOrigins } from './config/own-origins.js';
import { createPages, type Pages } from './pages/pages.js';
import { type AuthRouterOptions } from './router/parts.js';
import { createRouter } from './router/router.js';
import { cookiesOf, createSignIn, type SignIn } from './sign-in.js';
import type { UpstreamTokenOptions } from './sessions/upstream.js';
import type { AuthStatus } from './status.js';
import type { Verifier } from './verifier/verifier.js';

/** The suite on one verifier and one configuration. */
export interface Auth extends SignInParts {
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
   * A part of the application that clients discover by themselves, such as an MCP server (RFC 9728): its metadata, and guards
   * that take only tokens which are meant for it. Throws a TypeError without AUTH_PUBLIC_URL, and for a path that has one already.
   */
  protectedResource(options?: ProtectedResourceOptions): ProtectedResource;
  /**
   * The routes for signing in: log-in, refresh, log-out, passwords, sessions, users. Mount it where you like,
   * usually under `/api/auth`. Throws a TypeError without AUTH_JWT_SECRET or AUTH_JWT_PRIVATE_KEY.
   */
  router(options?: AuthRouterOptions): RequestHandler;
  /**
   * The routes of an application of Express or NestJS, each with the guards before it, and what is wrong with them. Runs none of
   * the application's code. Throws a TypeError for anything but an application or a router of Express 4 or 5, or an initialized
   * application of NestJS on `@nestjs/platform-express`.
   */
  routes(app: unknown): readonly AuditedRoute[];
  /**
   * What the guards before each of these routes demand, in the terms of OpenAPI 3.1, for the application's own document. Throws as
   * `routes()` does.
   *
   * @example
   * ```ts
   * const { components, paths } = auth.openapiSecurity(app);
   * paths['/orders/{id}']?.get?.security; // [{ bearer: ['orders:read'] }]
   * ```
   */
  openapiSecurity(app: unknown): OpenapiSecurity;
  /**
   * Finds out who sends a request outside a middleware: a WebSocket upgrade, a GraphQL context. Rejects with
   * the same `AuthError` that `requireAuth()` answers with.
   */
  authenticate(request: RequestHead): Promise<Principal>;
  /**
   * The organisations of a caller at this moment, where `orgContext()` can't run: for the rooms of a WebSocket. With
   * AUTH_ORGANISATIONS those of our own users are read from the store, up to 100; all others are what the credential says.
   * Rejects with STORE_UNAVAILABLE (503).
   */
  orgsOf(principal: Principal): Promise<readonly OrgMembership[]>;
  /**
   * A fresh access token of the identity provider that the caller signed in with, to call its APIs. `req` has passed
   * `requireAuth()`. With `force: true` another one than the last, which the API has refused. See {@link Upstream.accessToken}.
   *
   * @example
   * ```ts
   * const ask = (token: string) => fetch(url, { headers: { Authorization: `Bearer ${token}` } });
   * let answer = await ask(await auth.upstreamToken(req));
   * if (answer.status === 401) answer = await ask(await auth.upstreamToken(req, { force: true }));
   * ```
   */
  upstreamToken(request: object, options?: UpstreamTokenOptions): Promise<string>;
  /** Resolves when every configured issuer's keys are there and the store answers; rejects with the reason. Waiting for it is optional. */
  ready(): Promise<void>;
  /**
   * Whether requests are well served here, and why not: what `GET /status` of the router answers, with the issuers by name. Looks at most
   * once a second, answers within one, and never rejects.
   */
  status(): Promise<AuthStatus>;
  /**
   * Resolves when the work behind all replies so far is done: mails are on their way. For platforms that freeze the process when it
   * has answered, such as AWS Lambda, and for those that take a promise (`waitUntil`).
   */
  settled(): Promise<void>;
  /**
   * Says that the process is about to end: `status()` is `unavailable` from now on, so that load balancers go elsewhere. Everything else
   * works on. Call it at SIGTERM, and close server and `auth` when the load balancer has had time to notice.
   */
  drain(): void;
  /** Ends gracefully: waits for mails on their way, stops timers, closes the store. Close your server first. */
  close(): Promise<void>;
  /** Listens to an audit event. Returns the function that stops it. Throws a TypeError for an event that doesn't exist. */
  on<Name extends AuthEventName>(name: Name, listener: AuthEventListener<Name>): () => void;
}

/**
 * Creates the suite from AUTH_* variables, a config file and options. Throws a `ConfigError` that lists every
 * problem of the settings, and a TypeError for an unsafe or misspelt option.
 *
 * @example
 * ```ts
 * const auth = createAuth();
 * app.use(auth.securityHeaders());
 * app.use('/api/auth', auth.router());
 * app.get('/api/me', auth.requireAuth(), (req, res) => {
 *   res.json(principalOf(req).user);
 * });
 * app.use(auth.errorHandler());
 * ```
 */
export function createAuth(options: AuthOptions = {}): Auth {
  const { config, origins, own, store, furtherIssuers } = readFitOptions(options);
  const { now = Date.now, basePath, realm } = own;
  const events = createEvents();
  const routers: AuthRouterOptions[] = [];
  const place = createPlace({ ...config, basePath, hasRouter: () => routers.length > 0 });
  let grantOf = createGrants(own, config);
  const grants = latestGrants(() => grantOf);
  const signIn = signsTokens(config)
    ? createSignIn(config, { ...own, store }, { events, now, grantOf: grants, realm })
    : undefined;
  const surroundings = { signIn, furtherIssuers, events, now };
  const verifier = applicationVerifier(config, own, surroundings);
  const proofs = applicationProofs(config, { signIn, store, realm: verifier.realm, events, now });
  const pages = applicationPages(config, own, place);
  const context: AuthenticatorContext = {
    place,
    ...ownContext(own),
    ...proofs.context,
    ...(signIn && sessionContext(config, signIn, { verifier, grantOf: grants, own, now })),
    ...(config.standalone && { devToken: config.devToken, devOrigins: ownOrigins(config) }),
  };
  const orgs = { directory: signIn?.orgs?.directory, scopesOf: own.organisations?.scopesOf };
  const guards = guardsBehind({ realm: verifier.realm, events, now, place, orgs });
  const resources = createResources({
    config,
    issuers: trustedIssuerNames(config, surroundings),
    verifier,
    verifierFor: (audience) => applicationVerifier(config, own, { ...surroundings, audience }),
    context,
    guards,
  });
  const lifecycle = createLifecycle({ verifier, resources, signIn, proofs });
  const { status } = lifecycle;
  const auth = {
    config,
    verifier,
    requireAuth: (demands) => requireAuth(verifier, demands, context),
    optionalAuth: (demands) => optionalAuth(verifier, demands, context),
    ...unconfigured,
    ...guards,
    protectedResource: resources.create,
    ...edgesOf(config, { events, pages, place, router: { basePath, signIn, routers } }),
    router(routes = {}) {
      routers.push(routes);
      const parts = { ...needed(signIn), config, verifier, events, pipeline: context, pages, now };
      const router = createRouter({ ...parts, basePath, place, grantOf: grants, status }, routes);
      grantOf = formerGrants(routes, config) ?? grantOf;
      return router;
    },
    authenticate: createRequestCheck(verifier, context),
    orgsOf: (principal) => membershipsOf(principal, orgs.directory),
    upstreamToken: async (request, renewal) =>
      needed(signIn).upstream.accessToken(ownSession(config, request), renewal),
    ...lifecycle,
    on: (name, listener) => events.on(name, listener),
  } satisfies Omit<Auth, keyof SignInParts>;
  announce({ config, origins, verifier, routers, own, store, signIn, place, lifecycle });
  return Object.freeze(withSignInParts(auth, config, signIn));
}

/** With AUTH_STRICT, settings have to be what `npx latchkey doctor` finds right. */
function readFitOptions(options: AuthOptions): ReturnType<typeof readAuthOptions> {
  const read = readAuthOptions(options);
  const { config, origins, store } = read;
  if (config.strict) refuseFlaws({ config, origins, hasOwnStore: store !== undefined });
  return read;
}

async function membershipsOf(
  principal: Principal,
  directory: NonNullable<SignIn['orgs']>['directory'] | undefined,
): Promise<readonly OrgMembership[]> {
  return directory?.knows(principal) ? directory.standingsOf(principal) : principal.orgs;
}

type Announced = Pick<CreatedAuth, 'config' | 'origins' | 'verifier' | 'routers' | 'store'> & {
  readonly own: OwnAuthOptions;
  readonly signIn: SignIn | undefined;
  readonly place: Place;
  readonly lifecycle: Pick<CreatedAuth, 'close'>;
};

function announce({ own, store, signIn, place, lifecycle, ...created }: Announced): void {
  announceCreated({
    ...created,
    basePath: own.basePath,
    routerPath: place.routerPath,
    providerFetch: own.providerFetch,
    store: signIn?.store,
    hasOwnStore: store !== undefined,
    close: () => lifecycle.close(),
  });
}

/** What is the same for every application. */
const unconfigured = { requireScopes, requireAnyScope, routes: auditRoutes };

/** What guards can do by what only code can give. */
function ownContext({ loadPrincipal, clientCertificates }: OwnAuthOptions): AuthenticatorContext {
  return definedOnly({
    loadPrincipal,
    clientCertificate: clientCertificates && createThumbprintReader(clientCertificates),
  });
}

interface GuardSurroundings {
  readonly realm: string;
  readonly events: Events;
  readonly now: () => number;
  readonly place: Place;
  readonly orgs: Parameters<typeof orgContext>[1];
}

/** Guards behind the one that authenticates: the same for the whole application and for each resource in it. */
function guardsBehind({ realm, events, now, place, orgs }: GuardSurroundings) {
  return {
    requireRoles,
    requireAuthContext: (demands: RequireAuthContextOptions) =>
      requireAuthContext(demands, { realm, now, place }),
    orgContext: (choice?: OrgContextOptions) => orgContext({ events, ...choice }, orgs),
  };
}

function applicationPages(
  { appName, publicUrl }: Config,
  { pages = {} }: OwnAuthOptions,
  { home, publicPath }: Place,
): Pages {
  const host = publicUrl === undefined ? 'localhost' : new URL(publicUrl).hostname;
  const surroundings = { name: appName ?? host, home, publicUrl, publicPath };
  return createPages('createAuth({ pages })', pages, surroundings);
}

interface SessionContext {
  readonly verifier: Verifier;
  readonly grantOf: GrantOf;
  readonly own: OwnAuthOptions;
  readonly now: () => number;
}

/** What guards can do when sessions are ours. */
function sessionContext(
  config: Config,
  signIn: SignIn,
  { verifier, grantOf, own, now }: SessionContext,
): AuthenticatorContext {
  const cookieSessions = createCookieSessions({
    ...signIn,
    verifier,
    grantOf,
    allowedOrigins: new Set(ownOrigins(config)),
    lagSeconds: own.sessions?.revocationLagSeconds ?? 5,
    now,
  });
  return {
    ...(config.acceptApiKeys && { readApiKey: signIn.readApiKey }),
    isSessionLive: (principal) => isSessionLive(principal, config, signIn),
    sessionCookie: config.cookieSessions,
    settleCookies: (req, res) => void signIn.cookies.settle(req, res, 'session'),
    readSession: cookieSessions.read,
    forgetSession: cookieSessions.forget,
  };
}

/** `scopes` and `claims` as the router took them before they moved to `createAuth()`. */
function formerGrants({ scopes, claims }: AuthRouterOptions, config: Config): GrantOf | undefined {
  if (!scopes && !claims) return undefined;
  process.emitWarning(
    'auth.router(): `scopes` and `claims` have moved to createAuth({ tokenScopes, tokenClaims }); here they work until release 1.0',
    'LatchkeyWarning',
  );
  return createGrants(
    { ...(scopes && { tokenScopes: scopes }), ...(claims && { tokenClaims: claims }) },
    config,
  );
}

function signsTokens({ jwt }: Config): boolean {
  return jwt.secret !== undefined || jwt.privateKey !== undefined;
}

/**
 * Another issuer's sessions are not with us. A service account has no session: its token counts as long as the account may get
 * others. An API key has none either, and was looked up for this request. Any other token of ours without a session cannot be told to live.
 */
function isSessionLive(
  principal: Principal,
  config: Config,
  { sessions, isAccountLive }: SignIn,
): boolean | Promise<boolean> {
  const { issuer, sessionId, subject, method } = principal;
  if (issuer !== config.jwt.issuer || method === 'api_key') return true;
  if (sessionId !== undefined) return sessions.isLive(sessionId);
  return isClientPrincipal(principal) && isAccountLive(subject);
}

/** The session of ours that a request is of. */
function ownSession({ jwt }: Config, request: object): string {
  const { issuer, sessionId } = principalOf(request);
  if (issuer === jwt.issuer && sessionId !== undefined) return sessionId;
  throw new AuthError('AUTH_CONTEXT_REQUIRED', { reason: 'no_upstream' });
}

interface EdgeSurroundings {
  readonly events: Events;
  readonly pages: Pages;
  readonly place: Place;
  readonly router: KnownRouter;
}

/** What stands before and after the routes, and what a document says of them. */
function edgesOf(
  config: Config,
  { events, pages, place, router }: EdgeSurroundings,
): Pick<Auth, 'sameOrigin' | 'securityHeaders' | 'errorHandler' | 'openapiSecurity'> {
  const sessionCookie = cookiesOf(config).nameOf('session');
  const leading = { pages, place, helpfulPages: () => pagesOfRouter(config, router) };
  return {
    openapiSecurity: (app) => openapiSecurity(auditRoutes(app), { sessionCookie }),
    sameOrigin: (rule) => sameOrigin({ origins: ownOrigins(config), ...rule }),
    securityHeaders: (headers) => edgeHeaders(config, headers),
    errorHandler: (answers) =>
      errorHandler({ events, reasons: !config.production, ...answers }, leading),
  };
}

function edgeHeaders(config: Config, own: SecurityHeadersOptions = {}): RequestHandler {
  if (!config.securityHeaders) return (_req, _res, next) => next();
  const { frameAncestors, publicUrl } = config;
  const headers = {
    ...(frameAncestors.length > 0 && { frameAncestors }),
    ...definedOnly({ cors: corsSettings(config) }),
    ...own,
  };
  return securityHeaders(headers, { publicUrl });
}
