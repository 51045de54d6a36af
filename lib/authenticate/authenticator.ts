import type { ServerResponse } from 'node:http';
import type { CredentialWay } from '../audit/guard-facts.js';
import { type AuthMethod, createMethodFilter } from './auth-methods.js';
import { type Credential, createCredentialFinder, type RequestHead } from './credentials.js';
import { AuthError, credentialOf, refusalAbout, reusableError } from '../errors.js';
import { refuseCrossSite } from '../http/cross-site.js';
import { isLoopback } from '../http/is-loopback.js';
import { requestFacts } from '../http/request-facts.js';
import { definedOnly, renamedOption } from '../known-options.js';
import { type Principal, isClientPrincipal, withMethod } from '../principal.js';
import { createKeyAdmission, withinOrg } from './key-admission.js';
import { createPrincipalLoader, type LoadPrincipalOption } from './principal-loader.js';
import type { ThumbprintReader } from './certificates/client-certificates.js';
import {
  type DpopMode,
  type GuardProofs,
  guardProofs,
  type ProofSurroundings,
} from './dpop/guard-proofs.js';
import { createSenderCheck, type SenderCheckOptions } from './sender-constraint.js';
import type { Place } from '../http/place.js';
import type { Verifier } from '../verifier/verifier.js';

/** What a guard may demand beyond a verified token. */
export interface AuthenticatorOptions<Request extends RequestHead = RequestHead> {
  /**
   * How a caller may prove who it is: by an access token that is a JWT, or that its issuer is asked about (`opaque`), by the
   * session cookie, by an API key. Another way is refused with 401, although the credential may be good elsewhere. @defaultValue every way that the application knows
   */
  readonly methods?: readonly AuthMethod[];
  /**
   * Whether access tokens may be bound to a key of their client (DPoP, RFC 9449): `accepted` takes bound and plain ones, `required` only
   * bound ones, and neither session cookies nor API keys unless `sessionCookie` or `methods` names them here. `off` refuses bound ones. Needs the
   * guards of a `createAuth()`. @defaultValue AUTH_DPOP, which is `off` by default
   */
  readonly dpop?: DpopMode;
  /** Refuses tokens that a client got for itself (client credentials): 403 INSUFFICIENT_ROLE. @defaultValue `false` */
  readonly userOnly?: boolean;
  /**
   * Narrows the trusted issuers down for this guard, e.g. to the tenant that the host name stands for. Others
   * are refused with 401. @defaultValue every issuer the verifier trusts
   */
  readonly issuers?: readonly string[] | ((request: Request) => readonly string[]);
  /** Looks up what a token cannot say, such as roles in your database. @defaultValue the one of `createAuth()` */
  readonly loadPrincipal?: LoadPrincipalOption<Request>;
  /**
   * Asks the store on every request whether the token's session still lives, so that a session that ended
   * on another instance is refused at once: 401 TOKEN_REVOKED; 503 STORE_UNAVAILABLE when the store is down.
   * An API key is looked up anew as well. Tokens of other issuers have no session with us and pass. Needs the guards of a `createAuth()` that signs tokens.
   * @defaultValue `false`: refused within the lag
   */
  readonly checkSession?: boolean;
  /**
   * Accepts the session cookie as a credential where no token comes along, so that browsers need none. Unsafe requests
   * must then come from a page of ours: 403 CROSS_SITE_REQUEST, 415 UNSUPPORTED_MEDIA_TYPE. Needs the guards of a
   * `createAuth()` that signs tokens. @defaultValue AUTH_COOKIE_SESSIONS
   */
  readonly sessionCookie?: boolean;
  /** @deprecated The former name of `sessionCookie`; works until release 1.0. */
  readonly cookie?: boolean;
  /**
   * Which resource the request is for, such as `project:42`. An API key that was made for one resource opens this guard only if it is
   * exactly that one, else 403 RESOURCE_FORBIDDEN, and never a guard that doesn't say. Nothing else is affected: tokens, sessions and
   * keys without a resource pass as before. @defaultValue keys of a resource are refused
   *
   * @example
   * auth.requireAuth({ resource: (req) => `project:${String(req.params.id)}` });
   */
  readonly resource?: string | ((request: Request) => string | undefined);
  /**
   * Whether support people who act as a user may pass, and other parties that an issuer has let act for one (`act`, RFC 8693 §4.1).
   * `'refused'` is for what only the user in person may do, such as paying: 403 IMPERSONATION_ACTIVE. @defaultValue `'allowed'`
   */
  readonly impersonation?: 'allowed' | 'refused';
  /** Lets users pass who must change their password before anything else. @defaultValue `false`: 403 PASSWORD_CHANGE_REQUIRED */
  readonly allowPasswordChange?: boolean;
}

/** Names of the options above, for guards to tell their own from unknown ones. */
export const authenticatorOptionNames: readonly (keyof AuthenticatorOptions)[] = [
  'methods',
  'dpop',
  'userOnly',
  'issuers',
  'loadPrincipal',
  'checkSession',
  'sessionCookie',
  'resource',
  'cookie',
  'impersonation',
  'allowPasswordChange',
];

/** What `createAuth()` knows and a verifier alone doesn't. */
export interface AuthenticatorContext extends ProofSurroundings {
  /** Used by guards that don't bring their own. */
  readonly loadPrincipal?: LoadPrincipalOption<RequestHead>;
  /** Whether guards accept the session cookie that don't say. @defaultValue `false` */
  readonly sessionCookie?: boolean;
  /** How `checkSession` finds out. */
  readonly isSessionLive?: (principal: Principal) => boolean | Promise<boolean>;
  /** How `sessionCookie` finds out. */
  readonly readSession?: SessionReader;
  /** Has a session of a cookie read anew, after a change of what its tokens say. */
  readonly forgetSession?: (sessionId: string) => void;
  /** Whom an API key is of. Without it `X-API-Key` is not looked at. */
  readonly readApiKey?: ApiKeyReader;
  /**
   * A token for requests without a credential, in local development only. It is verified like any other. Unsafe requests
   * of other sites' pages don't get it: 403 CROSS_SITE_REQUEST, 415 UNSUPPORTED_MEDIA_TYPE.
   */
  readonly devToken?: string | undefined;
  /** Origins whose pages may use `devToken`, beside the own one and all on loopback. @defaultValue none */
  readonly devOrigins?: readonly string[];
  /** Removes a session cookie that there are two of. */
  readonly settleCookies?: (request: RequestHead, response: ServerResponse) => void;
  /** URL of the metadata of the resource that the guards protect (RFC 9728), for their challenges. @defaultValue none */
  readonly resourceMetadata?: string;
  /** Reads the certificate that a client holds the key of, for tokens that are bound to one. @defaultValue they are refused */
  readonly clientCertificate?: ThumbprintReader;
  /** Where the pages are that `redirect` leads to. @defaultValue below `/api/auth` */
  readonly place?: Place;
}

/** Finds the session of a request's cookie; undefined when it has none that lives. */
export type SessionReader = (request: RequestHead) => Promise<Principal | undefined> | undefined;

/**
 * Whom an API key is of; at once for one that is known, unless the store must be asked. Throws or rejects with INVALID_TOKEN
 * (401) for any other.
 */
type ApiKeyReader = (
  key: string,
  request: RequestHead,
  mustAsk: boolean,
) => Principal | Promise<Principal>;

/**
 * Finds out who sends a request; undefined without a credential. At once for a token that was verified before
 * when no hook has to be waited for. Throws or rejects with an `AuthError`.
 */
export type Authenticator<Request extends RequestHead = RequestHead> = (
  request: Request,
) => Principal | undefined | Promise<Principal | undefined>;

/** Joins a verifier and what a guard asks beyond it. The one pipeline behind every way to authenticate. */
export function createAuthenticator<Request extends RequestHead>(
  verifier: Verifier,
  options: AuthenticatorOptions<Request> = {},
  context: AuthenticatorContext = {},
): Authenticator<Request> {
  const { realm } = verifier;
  const { readApiKey } = context;
  const hasApiKeys = readApiKey !== undefined;
  const devToken = devTokenOf(context);
  const findCredential = createCredentialFinder({ realm, apiKeys: hasApiKeys });
  const allows = createMethodFilter(options.methods, { hasApiKeys });
  const proofs = guardProofs(options.dpop, context);
  const isNamed = createNaming(options, proofs);
  const readSession =
    allows('session') && isNamed('session') ? sessionReaderOf(options, context) : undefined;
  const takesKeys = allows('api_key') && isNamed('api_key');
  const readToken = createTokenReader(verifier, { ...context, proofs });
  const admit = createAdmission(verifier, options);
  const narrow = createNarrowing(verifier, options, context);
  const admitKey = createKeyAdmission(realm, options.resource);
  const wrongMethod = reusableError('INVALID_TOKEN', { realm, reason: 'method' });

  function read(credential: Credential, request: Request): Principal | Promise<Principal> {
    if (credential.kind !== 'api_key') return readToken(credential, request);
    if (!readApiKey || !takesKeys) throw wrongMethod;
    const { checkSession = false } = options;
    return andThen(readApiKey(credential.value, request, checkSession), (principal) =>
      tellingWhose(principal, request, admitKey),
    );
  }

  function judge(principal: Principal, asking: Request): Principal | Promise<Principal> {
    if (!allows(principal.method)) throw wrongMethod;
    const admitted = admit(principal);
    return narrow ? andThen(narrow(admitted, asking), withinOrg) : admitted;
  }

  function identify(request: Request): ReturnType<Authenticator> {
    const finish = (principal: Principal): Principal | Promise<Principal> =>
      tellingWhose(principal, request, judge);
    const found = findCredential(request);
    if (found) return andThen(read(found, request), finish);
    const bySession = readSession?.(request);
    if (bySession) return bySession.then((principal) => principal && finish(principal));
    const token = devToken?.(request);
    if (token === undefined) return undefined;
    return andThen(verifier.verifyNow(token, request.socket), (principal) =>
      finish(withMethod(principal, 'dev')),
    );
  }

  return reportingRefusals(verifier, identify);
}

/** Goes on at once where nothing has to be waited for. */
function andThen(
  principal: Principal | Promise<Principal>,
  next: (principal: Principal) => Principal | Promise<Principal>,
): Principal | Promise<Principal> {
  return principal instanceof Promise ? principal.then(next) : next(principal);
}

/** Judges a principal whose credential is genuine: a refusal from here on may say whose it is. */
function tellingWhose<Request>(
  principal: Principal,
  request: Request,
  judge: (principal: Principal, request: Request) => Principal | Promise<Principal>,
): Principal | Promise<Principal> {
  try {
    const judged = judge(principal, request);
    return judged instanceof Promise
      ? judged.catch((error: unknown) => throwWithOwner(error, principal))
      : judged;
  } catch (error) {
    return throwWithOwner(error, principal);
  }
}

function throwWithOwner(error: unknown, { subject, method, claims }: Principal): never {
  if (!(error instanceof AuthError) || error.status >= 500) throw error;
  const keyId = claims['key_id'];
  const isKey = method === 'api_key' && typeof keyId === 'string';
  throw refusalAbout(error, { subject, ...(isKey && { keyId }) });
}

/** Where tokens must be bound to a key, what knows nothing of keys is taken by a guard that names it, and by no other. */
function createNaming(
  { methods, sessionCookie, cookie }: AuthenticatorOptions<never>,
  { mode }: GuardProofs,
): (method: AuthMethod) => boolean {
  const byCookie = sessionCookie ?? cookie ?? false;
  return (method) =>
    mode !== 'required' ||
    (methods?.includes(method) ?? false) ||
    (method === 'session' && byCookie);
}

/** Verifies a token, and that its sender may use it. */
function createTokenReader(verifier: Verifier, options: SenderCheckOptions) {
  const checkSender = createSenderCheck(verifier.realm, options);
  return (credential: Credential, request: RequestHead): Principal | Promise<Principal> =>
    andThen(verifier.verifyBound(credential.value, request.socket), (principal) =>
      checkSender({ principal, credential, request }),
    );
}

function reportingRefusals<Request extends RequestHead>(
  { events }: Verifier,
  identify: Authenticator<Request>,
): Authenticator<Request> {
  function report(error: unknown, request: Request): never {
    // Our own trouble has events of its own.
    if (error instanceof AuthError && error.status < 500)
      events.emit('token.refused', {
        code: error.code,
        reason: error.reason,
        ...definedOnly({ ...credentialOf(error) }),
        ...requestFacts(request),
      });
    throw error;
  }
  return function authenticate(request) {
    try {
      const identified = identify(request);
      return identified instanceof Promise
        ? identified.catch((error: unknown) => report(error, request))
        : identified;
    } catch (error) {
      return report(error, request);
    }
  };
}

/** Refuses users who must change their password first, unless this is where they do, and actors where only the user may pass. */
function createAdmission<Request extends RequestHead>(
  { realm }: Verifier,
  { allowPasswordChange = false, impersonation = 'allowed' }: AuthenticatorOptions<Request>,
): (principal: Principal) => Principal {
  const passwordChange = reusableError('PASSWORD_CHANGE_REQUIRED', { realm });
  const acting = reusableError('IMPERSONATION_ACTIVE', { realm });
  if (impersonation !== 'allowed' && impersonation !== 'refused')
    throw new TypeError("`impersonation` is 'allowed' or 'refused'");
  return (principal) => {
    // By the claim, not by `actor`: an actor without a name acts as well.
    if (impersonation === 'refused' && principal.claims['act'] !== undefined) throw acting;
    if (!allowPasswordChange && principal.claims['must_reset_password'] === true)
      throw passwordChange;
    return principal;
  };
}

type Narrowing<Request> = (
  principal: Principal,
  request: Request,
) => Principal | Promise<Principal>;

/** What a guard asks beyond the verifier. Undefined for the many that ask for nothing: they skip the step. */
function createNarrowing<Request extends RequestHead>(
  { realm, events, now }: Verifier,
  options: AuthenticatorOptions<Request>,
  context: AuthenticatorContext,
): Narrowing<Request> | undefined {
  const { issuers, userOnly = false, loadPrincipal = context.loadPrincipal } = options;
  const isLive = sessionCheckOf(options, context);
  const wrongIssuer = reusableError('INVALID_TOKEN', { realm, reason: 'issuer' });
  const notAUser = reusableError('INSUFFICIENT_ROLE', { realm, reason: 'user_only' });
  const ended = reusableError('TOKEN_REVOKED', { realm, reason: 'session' });
  const load =
    loadPrincipal &&
    createPrincipalLoader(loadPrincipal, {
      events,
      now,
      unknownUser: reusableError('INVALID_TOKEN', { realm, reason: 'user_unknown' }),
    });
  if (!issuers && !userOnly && !load && !isLive) return undefined;
  return (principal, request) => {
    const allowed = typeof issuers === 'function' ? issuers(request) : issuers;
    if (allowed && !allowed.includes(principal.issuer)) throw wrongIssuer;
    if (userOnly && isClientPrincipal(principal)) throw notAUser;
    const finish = (): Principal | Promise<Principal> =>
      load ? load(principal, request) : principal;
    if (!isLive) return finish();
    return Promise.resolve(isLive(principal)).then((lives) => {
      if (!lives) throw ended;
      return finish();
    });
  };
}

/** Whether a guard accepts the session cookie. Throws a TypeError where there are no sessions of our own. */
export function acceptsSessionCookie<Request extends RequestHead>(
  options: AuthenticatorOptions<Request>,
  context: AuthenticatorContext,
): boolean {
  const asked = renamedOption('requireAuth()', options, ['cookie', 'sessionCookie']);
  const accepts = asked ?? context.sessionCookie ?? false;
  if (accepts && !context.readSession)
    throw new TypeError(
      '`sessionCookie` needs our own sessions: use auth.requireAuth() of a createAuth() that signs tokens',
    );
  return accepts;
}

/** How a guard takes a credential. */
export function credentialsTaken<Request extends RequestHead>(
  options: AuthenticatorOptions<Request>,
  context: AuthenticatorContext,
): readonly CredentialWay[] {
  const hasApiKeys = context.readApiKey !== undefined;
  const allows = createMethodFilter(options.methods, { hasApiKeys });
  const proofs = guardProofs(options.dpop, context);
  const isNamed = createNaming(options, proofs);
  const byToken = allows('jwt') || allows('opaque');
  const ways: readonly (CredentialWay | false)[] = [
    byToken && proofs.mode !== 'required' && 'bearer',
    byToken && proofs.mode !== 'off' && 'dpop',
    allows('session') && isNamed('session') && acceptsSessionCookie(options, context) && 'cookie',
    hasApiKeys && allows('api_key') && isNamed('api_key') && 'apiKey',
  ];
  return ways.filter((way) => way !== false);
}

function sessionReaderOf<Request extends RequestHead>(
  options: AuthenticatorOptions<Request>,
  context: AuthenticatorContext,
): SessionReader | undefined {
  return acceptsSessionCookie(options, context) ? context.readSession : undefined;
}

/** Throws a TypeError where there are no sessions of our own to ask for. */
function sessionCheckOf<Request extends RequestHead>(
  { checkSession = false }: AuthenticatorOptions<Request>,
  { isSessionLive }: AuthenticatorContext,
): AuthenticatorContext['isSessionLive'] {
  if (!checkSession) return undefined;
  if (isSessionLive) return isSessionLive;
  throw new TypeError(
    '`checkSession` needs our own sessions: use auth.requireAuth() of a createAuth() that signs tokens',
  );
}

/** The development token, for every request but those that a page of another site may have caused. */
function devTokenOf({ devToken, devOrigins = [] }: AuthenticatorContext) {
  if (devToken === undefined) return undefined;
  const has = (origin: string): boolean =>
    devOrigins.includes(origin) || (URL.canParse(origin) && isLoopback(new URL(origin)));
  return (request: RequestHead): string => {
    refuseCrossSite(request, { allowed: { has }, json: 'unproven', sockets: true });
    return devToken;
  };
}
