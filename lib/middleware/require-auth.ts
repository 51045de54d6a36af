import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { describeGuard, factsOfAuth } from '../audit/guard-facts.js';
import {
  acceptsSessionCookie,
  type AuthenticatorContext,
  type AuthenticatorOptions,
  authenticatorOptionNames,
  createAuthenticator,
  credentialsTaken,
} from '../authenticate/authenticator.js';
import { guardProofs, schemesOf } from '../authenticate/dpop/guard-proofs.js';
import { sendNextNonce } from '../authenticate/dpop/next-nonce.js';
import { createGuardChallenges } from '../authenticate/guard-challenges.js';
import { isScopeList, noteChallenge } from '../errors/challenges.js';
import { isPageRequest, isPreflight } from '../http/cross-site.js';
import { AuthError, challenged, reusableError } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import type { Principal } from '../principal.js';
import { pageOption, usualPlace } from '../http/place.js';
import { redirectToPage, withParameters } from '../http/redirects.js';
import { addVary } from '../http/vary.js';
import type { Verifier } from '../verifier/verifier.js';

export interface RequireAuthOptions extends AuthenticatorOptions<Request> {
  /**
   * Lets CORS preflights through: OPTIONS with `Origin` and `Access-Control-Request-Method` (Fetch §3.2.2),
   * and nothing else. Not needed behind `securityHeaders({ cors })`. @defaultValue `false`
   */
  readonly allowPreflight?: boolean;
  /**
   * Sends a browser that asks for a page to the sign-in page, and from there back, instead of answering 401, and with a temporary
   * password to the page that changes it; scripts get their 401 or 403 (Fetch Metadata decides). A path names another page, which gets `returnTo` as a query parameter. Turns
   * `sessionCookie` on, since a browser that asks for a page cannot send a token.
   * @defaultValue `false`; `true` is the page `signin` of the router, wherever it is mounted: in an application without router it is
   * 401 with a warning, and a TypeError where the guard could not take the session that the page begins
   */
  readonly redirect?: boolean | string;
  /**
   * Scopes that a client should ask for with its first token: `scope` of the 401 challenges (RFC 6750 §3). Demands nothing:
   * that is what `requireScopes()` does. @defaultValue none are named
   */
  readonly challengeScopes?: readonly string[];
}

const optionNames: readonly (keyof RequireAuthOptions)[] = [
  ...authenticatorOptionNames,
  'allowPreflight',
  'redirect',
  'challengeScopes',
];

/**
 * Lets only requests with a valid access token, or session cookie, pass and sets `req.auth`; handlers read it with
 * `principalOf(req)`.
 * Errors: CREDENTIALS_MISSING, INVALID_TOKEN, TOKEN_EXPIRED, TOKEN_REVOKED, and with `dpop` INVALID_DPOP_PROOF and
 * USE_DPOP_NONCE (401), INVALID_REQUEST (400),
 * INSUFFICIENT_ROLE (403, with `userOnly`), CROSS_SITE_REQUEST (403, with `sessionCookie`), KEYS_UNAVAILABLE and
 * STORE_UNAVAILABLE (503).
 *
 * @example
 * ```ts
 * app.get('/me', requireAuth(verifier), (req, res) => {
 *   res.json(principalOf(req).user);
 * });
 * ```
 */
export function requireAuth(verifier: Verifier, options?: RequireAuthOptions): RequestHandler;
/** @internal With what only `createAuth()` knows. */
export function requireAuth(
  verifier: Verifier,
  options: RequireAuthOptions | undefined,
  context: AuthenticatorContext,
): RequestHandler;
export function requireAuth(
  verifier: Verifier,
  options: RequireAuthOptions = {},
  context: AuthenticatorContext = {},
): RequestHandler {
  refuseUnknownOptions('requireAuth()', options, optionNames);
  const { allowPreflight = false, challengeScopes, ...demands } = options;
  const { place = usualPlace } = context;
  const signInPage = signInPageOf(options, context);
  const byPage = signInPage !== undefined && context.readSession !== undefined;
  const isGiven = demands.sessionCookie !== undefined || demands.cookie !== undefined;
  const asked = byPage && !isGiven ? { ...demands, sessionCookie: true } : demands;
  const byCookie = acceptsSessionCookie(asked, context);
  const authenticate = createAuthenticator(verifier, asked, context);
  const facts = factsOfAuth('requireAuth', demands, credentialsTaken(asked, context));
  const challengesOf = createGuardChallenges({
    realm: verifier.realm,
    ...schemesOf(guardProofs(demands.dpop, context).mode),
    resourceMetadata: context.resourceMetadata,
    scopes: readChallengeScopes(challengeScopes),
  });
  const missing = reusableError('CREDENTIALS_MISSING', { realm: verifier.realm });

  function refuse(error: unknown, { req, res, next }: Exchange): void {
    const passOn = (): void => next(challenged(error, challengesOf?.(req)));
    if (signInPage === undefined || res.headersSent || !isPageRequest(req)) return passOn();
    if (isForNewPassword(error)) {
      const page = place.routerPage('/change-password');
      if (page === undefined) passOn();
      else redirectToPage(req, res, { page, publicPath: place.publicPath });
      return;
    }
    const path = isForSignIn(error) ? signInPage() : undefined;
    if (path === undefined) return passOn();
    context.settleCookies?.(req, res);
    // With a credential that is not taken the page must not take it either, or the browser goes round in circles.
    const page = withParameters(path, error === missing ? {} : { again: '1' });
    redirectToPage(req, res, { page, publicPath: place.publicPath });
  }

  const guard: RequestHandler = function requireAuthMiddleware(req, res, next) {
    if (allowPreflight && isPreflight(req)) return next();
    if (byCookie) addVary(res, 'Cookie');
    if (context.readApiKey) varyWithKey(req, res);
    const admit = (principal: Principal | undefined): void => {
      if (principal === undefined) return refuse(missing, { req, res, next });
      req.auth = principal;
      if (challengesOf) noteChallenge(req, challengesOf(req));
      sendNextNonce(req, res);
      next();
    };
    let found;
    try {
      found = authenticate(req);
    } catch (error) {
      return refuse(error, { req, res, next });
    }
    // Express 4 does not wait for a middleware, so a rejection is handed over here.
    if (found instanceof Promise)
      found.then(admit, (error: unknown) => refuse(error, { req, res, next })).catch(next);
    else admit(found);
  };
  return describeGuard(facts, guard);
}

/** Throws a TypeError where the guard would not take the session that the page leads to, and send the browser there again. */
function signInPageOf(
  { redirect = false, methods, sessionCookie, cookie = sessionCookie }: RequireAuthOptions,
  { readSession, place = usualPlace }: AuthenticatorContext,
): (() => string | undefined) | undefined {
  if (redirect !== false && methods?.includes('session') === false)
    throw new TypeError(
      "requireAuth(): `redirect` leads to a sign-in by session, which `methods` must allow: add 'session'",
    );
  if (redirect === true && readSession === undefined)
    throw new TypeError(
      "requireAuth(): `redirect: true` leads to the sign-in page of auth.router(), whose sessions this guard cannot take: use auth.requireAuth() of a createAuth() that signs tokens (AUTH_JWT_SECRET), or name a page of your own, such as redirect: '/login'",
    );
  if (redirect === true && cookie === false)
    throw new TypeError(
      'requireAuth(): `redirect: true` leads to a sign-in by session cookie, which `sessionCookie: false` refuses: leave one of them out',
    );
  return pageOption(redirect, '/signin', place);
}

function readChallengeScopes(scopes: readonly string[] | undefined): readonly string[] | undefined {
  if (scopes === undefined) return undefined;
  if (isScopeList(scopes) && scopes.length > 0) return Object.freeze([...new Set(scopes)]);
  throw new TypeError(
    "requireAuth(): `challengeScopes` is a list with at least one scope, such as ['notes:read']",
  );
}

/** Shared caches keep away from answers to `Authorization` by themselves (RFC 9111 §3.5), not from those to a key. */
function varyWithKey(req: Request, res: Response): void {
  if (req.headers['x-api-key'] !== undefined) addVary(res, 'X-API-Key');
}

interface Exchange {
  readonly req: Request;
  readonly res: Response;
  readonly next: NextFunction;
}

/** Signing in helps against a 401 and against two session cookies. */
function isForSignIn(error: unknown): boolean {
  return error instanceof AuthError && (error.status === 401 || error.reason === 'repeated_cookie');
}

function isForNewPassword(error: unknown): boolean {
  return error instanceof AuthError && error.code === 'PASSWORD_CHANGE_REQUIRED';
}
