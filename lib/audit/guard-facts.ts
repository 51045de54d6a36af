import { isRecord } from '../is-record.js';
import { refuseUnknownOptions } from '../known-options.js';

/** What a middleware of ours says of itself, for lists of routes. Holds no secret. */
export interface GuardFacts {
  readonly kind: GuardKind;
  /** Scopes that it demands. */
  readonly scopes?: readonly string[];
  /** Roles that it demands. */
  readonly roles?: readonly string[];
  /** Whether all of them are needed or one is enough. */
  readonly match?: 'all' | 'any';
  /** Whose scopes or roles count. */
  readonly of?: 'user' | 'org';
  /** Ways to authenticate that it takes. Undefined for all that the application knows. */
  readonly methods?: readonly string[];
  /** How it takes a credential. */
  readonly credentials?: readonly CredentialWay[];
  /** Whether it takes the session cookie; it then refuses unsafe requests of other sites by itself. */
  readonly cookie?: boolean;
}

/** Where a credential stands in a request: `Authorization: Bearer`, `Authorization: DPoP`, the session cookie, `X-API-Key`. */
export type CredentialWay = 'bearer' | 'dpop' | 'cookie' | 'apiKey';

const kinds = [
  'requireAuth',
  'optionalAuth',
  'requireScopes',
  'requireAnyScope',
  'requireRoles',
  'requireAuthContext',
  'orgContext',
  'sameOrigin',
  'securityHeaders',
  'errorHandler',
  'authRouter',
] as const;

export type GuardKind = (typeof kinds)[number];

// On the guard and not in a map of this module: the application and `npx latchkey` may each have a copy of the package, and an
// application that mixes `import` and `require()` has two. Enumerable and no symbol: packages that put a function around every
// handler, such as express-async-errors, copy such members alone.
const FACTS = 'latchkey.guard';

/** What a guard or a middleware of your own does, in terms of ours. */
export interface GuardDescription extends GuardFacts {
  /** Of a class of NestJS: the metadata that it reads from the controller and the handler, by their keys. */
  readonly metadata?: {
    /** Scopes that it demands: those of both together, as `reflector.getAllAndMerge()` has them. */
    readonly scopes?: string;
    /** Roles that it demands: those of both together. */
    readonly roles?: string;
    /** Where it is true, the guard lets every request pass: that of the handler, else that of the controller. */
    readonly skip?: string;
  };
}

/**
 * Says what a middleware, or a class of NestJS (guard, interceptor, middleware), does by means of ours, so that `auth.routes(app)` and
 * `npx latchkey routes` count it: they can't look into functions. It is your word, and changes nothing else. A subclass with a
 * `canActivate()`, `intercept()` or `use()` of its own is described by itself. Returns what it was given. Throws a TypeError for a kind that
 * there isn't, or an unknown member.
 *
 * @example
 * ```ts
 * import type { RequestHandler } from 'express';
 *
 * const editors = requireRoles('editor');
 * const guard: RequestHandler = (req, res, next) => editors(req, res, next);
 * describeGuard({ kind: 'requireRoles', roles: ['editor'] }, guard);
 * ```
 */
export function describeGuard<Guard extends object>(
  description: GuardDescription,
  guard: Guard,
): Guard {
  refuseUnknownOptions('describeGuard()', description, MEMBERS);
  if (!isFacts(description))
    throw new TypeError(`describeGuard(): \`kind\` is ${kinds.join(', ')}`);
  return Object.defineProperty(guard, FACTS, {
    value: Object.freeze({ ...description }),
    configurable: true,
    enumerable: true,
  });
}

const MEMBERS = [
  'kind',
  'scopes',
  'roles',
  'match',
  'of',
  'methods',
  'credentials',
  'cookie',
  'metadata',
];

/** What a guard says that finds out who calls. */
export function factsOfAuth(
  kind: 'requireAuth' | 'optionalAuth',
  { methods }: { readonly methods?: readonly string[] },
  credentials: readonly CredentialWay[],
): GuardFacts {
  const cookie = credentials.includes('cookie');
  return { kind, cookie, credentials, ...(methods && { methods: [...methods] }) };
}

/** What is said of a handler; undefined for one that isn't ours. */
export function factsOf(handler: object): GuardDescription | undefined {
  const facts: unknown = Reflect.get(handler, FACTS);
  return isFacts(facts) ? facts : undefined;
}

/** What is said of a class of NestJS. A subclass that does something else is not what its parent is. */
export function factsOfClass(type: unknown): GuardDescription | undefined {
  if (typeof type !== 'function') return undefined;
  if (Object.hasOwn(type, FACTS)) return factsOf(type);
  const prototype: unknown = type.prototype;
  const differs = METHODS.some((name) => isRecord(prototype) && Object.hasOwn(prototype, name));
  return differs ? undefined : factsOfClass(Object.getPrototypeOf(type));
}

const METHODS = ['canActivate', 'intercept', 'use'];

/** Another version of the package may know kinds that this one doesn't. */
function isFacts(facts: unknown): facts is GuardDescription {
  return isRecord(facts) && kinds.some((kind) => kind === facts['kind']);
}
