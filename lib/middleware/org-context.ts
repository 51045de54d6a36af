import type { Request, RequestHandler } from 'express';
import { describeGuard } from '../audit/guard-facts.js';
import { requestFacts } from '../http/request-facts.js';
import { AuthError, reusableError } from '../errors.js';
import type { EventSink } from '../events.js';
import { refuseUnknownOptions } from '../known-options.js';
import type { OrgDirectory } from '../accounts/org-directory.js';
import {
  type Org,
  orgLimitOf,
  type OrgMembership,
  type Principal,
  principalOf,
} from '../principal.js';
import { addVary } from '../http/vary.js';
import { createRoleScopes } from './role-scopes.js';

/** A caller's standing in an organisation. */
export interface ResolvedMembership {
  readonly roles?: readonly string[];
}

/** Looks a membership up; null or undefined means that the caller is no member. A throw answers 503. */
export type OrgResolver = (
  principal: Principal,
  orgId: string,
) => ResolvedMembership | null | undefined | Promise<ResolvedMembership | null | undefined>;

export interface OrgContextOptions {
  /** Request header that names the organisation; false for none. @defaultValue `'X-Org-Id'` */
  readonly header?: string | false;
  /**
   * Route parameter that names it, e.g. `orgId`. Mount the middleware where the parameter is part of the path:
   * Express shows it nowhere else. @defaultValue none
   */
  readonly param?: string;
  /** Whether a request without an organisation is refused. One that may not be chosen always is. @defaultValue `true` */
  readonly required?: boolean;
  /**
   * What to do when a request names none. `single`: take the caller's only organisation. `default`: or else
   * the one marked as default. `none`: nothing, it must be named.
   * @defaultValue `'single'`; `'none'` with `param`, whose absence is a routing mistake
   */
  readonly fallback?: 'single' | 'default' | 'none';
  /**
   * Where memberships are looked up. With AUTH_ORGANISATIONS it is asked for the callers of other issuers only.
   * @defaultValue the store with AUTH_ORGANISATIONS, for our own users; else the token's own (`principal.orgs`)
   */
  readonly resolve?: OrgResolver;
  readonly events?: EventSink;
}

/** What `createAuth()` knows and an `orgContext()` alone doesn't. */
interface OrgContextSurroundings {
  /** Who is asked for callers whose organisations are kept in the store. */
  readonly directory?: OrgDirectory | undefined;
  /** Scopes of a member with these roles. @defaultValue none */
  readonly scopesOf?: ((roles: readonly string[]) => readonly string[]) | undefined;
}

/**
 * Finds the organisation a request is for and sets `req.org`. Needs `requireAuth()` before it.
 * Errors: ORG_REQUIRED (400), INVALID_REQUEST (400: malformed, or header and parameter differ),
 * ORG_FORBIDDEN (403), CREDENTIALS_MISSING (401), STORE_UNAVAILABLE (503).
 *
 * @example
 * ```ts
 * app.get('/datasets', auth.requireAuth(), orgContext({ fallback: 'default' }), (req, res) => {
 *   res.json({ org: orgOf(req).id });
 * });
 * ```
 */
export function orgContext(
  options: OrgContextOptions = {},
  { directory, scopesOf }: OrgContextSurroundings = {},
): RequestHandler {
  const { header, param, required, fallback, resolve, events } = readOptions(options);
  const given = resolve ? resolvedMemberships(resolve) : claimedMemberships;
  const own = directory && storedMemberships(directory);
  const scopes = createRoleScopes(scopesOf);

  /** Sets `req.org`; at once unless the look-up has to be waited for. */
  function choose(req: Request): void | Promise<void> {
    const principal = principalOf(req);
    const memberships = own && directory?.knows(principal) ? own : given;
    const failed = (cause: unknown): AuthError =>
      lookUpFailed(cause, req, { events, hook: 'resolveOrg' });

    function enter(choice: Choice | undefined): void | Promise<void> {
      if (choice === undefined) {
        if (required) throw orgRequired;
        return undefined;
      }
      const only = orgLimitOf(principal);
      // Before the application is asked, which may know nothing of the key's limit.
      if (only !== undefined && only !== choice.id) throw forbidden;
      return andThen(
        () => memberships.one(principal, choice.id),
        (found) => {
          if (found === null || found === undefined) throw forbidden;
          if (!isMembership(found))
            throw failed(new TypeError('resolve() returns { roles } or null'));
          req.org = orgOfChoice(req, choice, found.roles ?? []);
        },
        failed,
      );
    }

    const named = namedOrg(req, header, param);
    if (named || fallback === 'none') return enter(named);
    return andThen(
      () => memberships.all(principal),
      (orgs) => enter(fallbackOrg(orgs, fallback)),
      failed,
    );
  }

  function orgOfChoice(req: Request, choice: Choice, held: readonly string[]): Org {
    const roles = Object.isFrozen(held) ? held : Object.freeze([...held]);
    try {
      return Object.freeze({ ...choice, roles, scopes: scopes(principalOf(req), roles) });
    } catch (cause) {
      throw lookUpFailed(cause, req, { events, hook: 'scopesOf' });
    }
  }

  const guard: RequestHandler = function orgContextMiddleware(req, res, next) {
    if (header !== undefined) addVary(res, header);
    let chosen;
    try {
      chosen = choose(req);
    } catch (error) {
      return next(error);
    }
    if (chosen) chosen.then(() => next(), next).catch(next);
    else next();
  };
  return describeGuard({ kind: 'orgContext' }, guard);
}

/** Where a caller's memberships come from. */
interface Memberships {
  one(principal: Principal, orgId: string): ReturnType<OrgResolver>;
  all(principal: Principal): readonly OrgMembership[] | Promise<readonly OrgMembership[]>;
}

const claimedMemberships: Memberships = {
  one: ({ orgs }, orgId) => orgs.find(({ id }) => id === orgId),
  all: ({ orgs }) => orgs,
};

function resolvedMemberships(resolve: OrgResolver): Memberships {
  return { one: resolve, all: ({ orgs }) => orgs };
}

function storedMemberships(directory: OrgDirectory): Memberships {
  return {
    one: (principal, orgId) => directory.standingOf(principal, orgId),
    all: (principal) => directory.standingsOf(principal),
  };
}

type Choice = Pick<Org, 'id' | 'source'>;

const orgRequired = reusableError('ORG_REQUIRED');
const forbidden = reusableError('ORG_FORBIDDEN');
const malformed = reusableError('INVALID_REQUEST', {
  reason: 'org_id',
  detail: 'The request names its organisation by something that is no id.',
});
const conflicting = reusableError('INVALID_REQUEST', {
  reason: 'org_conflict',
  detail: 'The request names two different organisations.',
});

const optionNames = ['header', 'param', 'required', 'fallback', 'resolve', 'events'] as const;

function readOptions(options: OrgContextOptions) {
  refuseUnknownOptions('orgContext()', options, optionNames);
  const { header = 'X-Org-Id', param, required = true, resolve } = options;
  const { fallback = param === undefined ? 'single' : 'none' } = options;
  if (resolve !== undefined && typeof resolve !== 'function')
    throw new TypeError(
      'orgContext(): `resolve` is a function (principal, orgId) => ({ roles }) or null',
    );
  if (!['single', 'default', 'none'].includes(fallback))
    throw new TypeError("orgContext(): `fallback` is 'single', 'default' or 'none'");
  if (header !== false && !/^[\w!#$%&'*+.^`|~-]+$/.test(header))
    throw new TypeError('orgContext(): `header` is the name of a request header, or false');
  if (param !== undefined && !/^\w+$/.test(param))
    throw new TypeError("orgContext(): `param` is a route parameter's name without its colon");
  if (header === false && param === undefined && fallback === 'none')
    throw new TypeError(
      'orgContext() has no header, no `param` and no `fallback`: no request can name an organisation',
    );
  return {
    header: header === false ? undefined : header,
    param,
    required,
    fallback,
    resolve,
    events: options.events,
  };
}

/** Visible characters without a comma, which is what Node joins repeated headers with. */
const ORG_ID = /^[\x21-\x2B\x2D-\x7E]{1,128}$/;

function namedOrg(
  req: Request,
  header: string | undefined,
  param: string | undefined,
): Choice | undefined {
  const byHeader = header === undefined ? undefined : readId(req.headers[header.toLowerCase()]);
  // Express 4 keeps parameters in an ordinary object, which has inherited names too.
  const isInPath = param !== undefined && Object.hasOwn(req.params, param);
  const byParam = isInPath ? readId(req.params[param]) : undefined;
  if (byHeader !== undefined && byParam !== undefined && byHeader !== byParam) throw conflicting;
  if (byHeader !== undefined) return { id: byHeader, source: 'header' };
  return byParam === undefined ? undefined : { id: byParam, source: 'param' };
}

function readId(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !ORG_ID.test(value)) throw malformed;
  return value;
}

function fallbackOrg(
  orgs: readonly OrgMembership[],
  fallback: 'single' | 'default',
): Choice | undefined {
  const [only] = orgs;
  if (only && orgs.length === 1) return { id: only.id, source: 'claim' };
  if (fallback === 'single') return undefined;
  const [marked, another] = orgs.filter(({ isDefault }) => isDefault);
  return marked && !another ? { id: marked.id, source: 'default' } : undefined;
}

/** Goes on at once where nothing has to be waited for. A promise of any library is one: taken for a value it would let every caller in. */
function andThen<Value>(
  ask: () => Value | Promise<Value>,
  next: (value: Value) => void | Promise<void>,
  failed: (cause: unknown) => AuthError,
): void | Promise<void> {
  let value;
  try {
    value = ask();
  } catch (cause) {
    throw failed(cause);
  }
  if (!isPromise(value)) return next(value);
  return Promise.resolve(value).then(next, (cause: unknown) => {
    throw failed(cause);
  });
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** A mere `true`, or one role as text, is no membership: a slip must not open an organisation. */
function isMembership(found: object): found is ResolvedMembership {
  const { roles = [] }: { readonly roles?: unknown } = found;
  return (
    Array.isArray(roles) &&
    typeof found === 'object' &&
    roles.every((role) => typeof role === 'string')
  );
}

/** The refusal for a failed look-up; an `AuthError` of the application's own stays what it is. */
function lookUpFailed(
  cause: unknown,
  req: Request,
  { events, hook }: { readonly events: EventSink | undefined; readonly hook: OrgHook },
): AuthError {
  if (cause instanceof AuthError) return cause;
  events?.emit('hook.failed', { hook, ...requestFacts(req) });
  return new AuthError('STORE_UNAVAILABLE', { reason: 'resolve_org', cause });
}

type OrgHook = 'resolveOrg' | 'scopesOf';
