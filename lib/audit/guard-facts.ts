import { isRecord } from '../is-record.js';

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

// By a registered symbol and not in a map of this module: the application and `npx latchkey` may each have a copy of the package,
// and an application that mixes `import` and `require()` has two.
const FACTS = Symbol.for('latchkey.guard');

/** Has a middleware say what it is. */
export function describeGuard<Guard extends object>(facts: GuardFacts, guard: Guard): Guard {
  return Object.defineProperty(guard, FACTS, { value: Object.freeze(facts), configurable: true });
}

/** What a guard says that finds out who calls. */
export function factsOfAuth(
  kind: 'requireAuth' | 'optionalAuth',
  { methods }: { readonly methods?: readonly string[] },
  credentials: readonly CredentialWay[],
): GuardFacts {
  const cookie = credentials.includes('cookie');
  return { kind, cookie, credentials, ...(methods && { methods: [...methods] }) };
}

/** What a handler has said of itself; undefined for one that isn't ours. */
export function factsOf(handler: object): GuardFacts | undefined {
  const facts: unknown = Reflect.get(handler, FACTS);
  return isFacts(facts) ? facts : undefined;
}

/** Another version of the package may know kinds that this one doesn't. */
function isFacts(facts: unknown): facts is GuardFacts {
  return isRecord(facts) && kinds.some((kind) => kind === facts['kind']);
}
