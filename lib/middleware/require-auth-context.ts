import type { RequestHandler } from 'express';
import { describeGuard } from '../audit/guard-facts.js';
import { reusableError } from '../errors.js';
import { isScopeToken } from '../errors/challenges.js';
import { refuseUnknownOptions } from '../known-options.js';
import { isPageRequest } from '../http/cross-site.js';
import { type Principal, principalOf } from '../principal.js';
import { createGuard } from './guard.js';
import { pageOption, type Place, usualPlace } from '../http/place.js';
import { redirectToPage, withParameters } from '../http/redirects.js';

export interface RequireAuthContextOptions {
  /** Acceptable authentication contexts, best first: one of them must be in the token's `acr`. */
  readonly acrValues?: readonly string[];
  /** Greatest time since the user signed in actively (`auth_time`), in seconds. 0 or more. */
  readonly maxAgeSeconds?: number;
  /** Protection space in the challenge. @defaultValue `'api'` */
  readonly realm?: string;
  /**
   * Sends a browser that asks for a page to sign in again as the rules want it, and from there back. A path
   * names the log-in route, e.g. of one provider.
   * @defaultValue `false`; `true` is `login` of the router, wherever it is mounted
   */
  readonly redirect?: boolean | string;
}

/** What `createAuth()` adds. */
interface Surroundings {
  /** Protection space in challenges where the options name none. */
  readonly realm?: string;
  /** Where the router is. */
  readonly place?: Place;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * Lets only callers pass who signed in strongly or recently enough; others learn from the challenge how to
 * sign in again (step-up, RFC 9470 §3). Needs `requireAuth()` before it, and at least one of the two rules.
 * A token that does not say is not enough. Errors: AUTH_CONTEXT_REQUIRED, CREDENTIALS_MISSING (401).
 *
 * @example
 * ```ts
 * app.post('/payments', auth.requireAuth(), requireAuthContext({ acrValues: ['mfa'], maxAgeSeconds: 300 }), handler);
 * ```
 */
export function requireAuthContext(options: RequireAuthContextOptions): RequestHandler;
/** @internal With what only `createAuth()` knows. */
export function requireAuthContext(
  options: RequireAuthContextOptions,
  surroundings: Surroundings,
): RequestHandler;
export function requireAuthContext(
  options: RequireAuthContextOptions,
  surroundings: Surroundings = {},
): RequestHandler {
  refuseUnknownOptions('requireAuthContext()', options, [
    'acrValues',
    'maxAgeSeconds',
    'realm',
    'redirect',
  ]);
  const { acrValues, maxAgeSeconds, realm = surroundings.realm, redirect = false } = options;
  const { now = Date.now, place = usualPlace } = surroundings;
  assertRules(acrValues, maxAgeSeconds);
  if (redirect !== false && maxAgeSeconds === 0)
    throw new TypeError(
      'requireAuthContext(): with `redirect`, `maxAgeSeconds` is 1 or more; nobody is back within the same second',
    );
  const refusal = reusableError('AUTH_CONTEXT_REQUIRED', { realm, acrValues, maxAgeSeconds });
  const logInPage = pageOption(redirect, '/login', place);
  const judge = createGuard({ kind: 'requireAuthContext' }, (req) => {
    const principal = principalOf(req);
    const isEnough =
      (!acrValues || hasContext(principal, acrValues)) &&
      (maxAgeSeconds === undefined || isRecent(principal, maxAgeSeconds, now()));
    if (!isEnough) throw refusal;
  });
  if (logInPage === undefined) return judge;
  const guard: RequestHandler = function requireAuthContextMiddleware(req, res, next) {
    return judge(req, res, (error?: unknown) => {
      if (error !== refusal || !isPageRequest(req)) return next(error);
      const path = logInPage();
      if (path === undefined) return next(error);
      const page = withWishes(path, options);
      redirectToPage(req, res, { page, publicPath: place.publicPath });
    });
  };
  return describeGuard({ kind: 'requireAuthContext' }, guard);
}

/** The log-in route, told what is wanted of it (RFC 9470 §5). */
function withWishes(path: string, { acrValues, maxAgeSeconds }: RequireAuthContextOptions): string {
  return withParameters(path, {
    ...(acrValues && { acr_values: acrValues.join(' ') }),
    ...(maxAgeSeconds !== undefined && { max_age: String(maxAgeSeconds) }),
  });
}

function assertRules(
  acrValues: readonly string[] | undefined,
  maxAgeSeconds: number | undefined,
): void {
  if (acrValues === undefined && maxAgeSeconds === undefined)
    throw new TypeError('requireAuthContext() needs `acrValues`, `maxAgeSeconds` or both');
  const areValues =
    acrValues === undefined || (acrValues.length > 0 && acrValues.every(isScopeToken));
  if (!areValues)
    throw new TypeError(
      'requireAuthContext(): `acrValues` is a list of texts without spaces, at least one',
    );
  if (maxAgeSeconds !== undefined && !(Number.isInteger(maxAgeSeconds) && maxAgeSeconds >= 0))
    throw new TypeError('requireAuthContext(): `maxAgeSeconds` is a whole number of 0 or more');
}

/** `acr` is one text, at some issuers a list of them. */
function hasContext({ claims }: Principal, acrValues: readonly string[]): boolean {
  return [claims['acr']].flat().some((acr) => typeof acr === 'string' && acrValues.includes(acr));
}

function isRecent({ authTime }: Principal, maxAgeSeconds: number, nowMs: number): boolean {
  return authTime !== undefined && Math.floor(nowMs / 1000) - authTime <= maxAgeSeconds;
}
