import { reusableError } from './errors.js';
import { isRecord } from './is-record.js';

/** Who calls: the outcome of a verified credential. Deeply frozen; safe to keep and to share. */
export interface Principal {
  /** How the caller proved who it is. `opaque`: by a token that its issuer was asked about. */
  readonly method: 'jwt' | 'opaque' | 'session' | 'api_key' | 'dev';
  /** `sub`, or the client's id where a client's own token has none. Unique within the issuer, never empty. */
  readonly subject: string;
  readonly user: User;
  /** Granted scopes. A real set that cannot be changed; prints as an array in JSON. */
  readonly scopes: ReadonlySet<string>;
  /**
   * The token's payload as it was signed, without `__proto__`, `prototype` and `constructor` members. Of an API key: `sub`, `key_id`, and
   * `resource` and `org` where the key has them.
   */
  readonly claims: Readonly<Record<string, unknown>>;
  /** `iss`, exactly as configured. */
  readonly issuer: string;
  /** The OAuth client that obtained the token, where the token says so. */
  readonly clientId: string | undefined;
  /** The session the token belongs to (`sid`). */
  readonly sessionId: string | undefined;
  /** Seconds since 1970. */
  readonly issuedAt: number | undefined;
  /**
   * Seconds since 1970. Of an opaque token without an end: until when its issuer's word on it counts. Of an API key without an end:
   * 8,640,000,000,000, the last moment that a `Date` can hold.
   */
  readonly expiresAt: number;
  /** When the user last signed in actively (`auth_time`). Seconds since 1970. */
  readonly authTime: number | undefined;
  /** Organisations the caller belongs to: those in the token that its issuer may name (`allowedOrgs`). */
  readonly orgs: readonly OrgMembership[];
  /**
   * Who acts for the user: a support person of ours, or another party that an issuer has let act (`act`, RFC 8693 §4.1).
   * Undefined when the user acts in person, and where `act` names no `sub`. Not enumerable: it stands in `claims`.
   */
  readonly actor: Actor | undefined;
  /** The credential itself, to forward it upstream. Not enumerable: it is neither printed nor serialised. */
  readonly token: string;
}

/** The person or client behind a principal, as mapped from claims. */
export interface User {
  /** Stable id: `sub`, or the claim that the mapping names. */
  readonly id: string;
  readonly email: string | undefined;
  /**
   * Whether the address is proven: for our own users by us or by a provider that is trusted for it, in another issuer's token by that
   * issuer's word. False without an address. Never decide by an address that is not.
   */
  readonly emailVerified: boolean;
  readonly username: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** Further facts, e.g. for row-level security: scalars and lists of scalars. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** Who acts for a principal's user. Not the ones that acted before: they are for the record only (RFC 8693 §4.1). */
export interface Actor {
  /** `sub` of the claim `act`: with our own tokens the id of a user. */
  readonly subject: string;
}

export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly (string | number | boolean)[];

export interface OrgMembership {
  readonly id: string;
  readonly roles: readonly string[];
  /** True for the one organisation that `orgContext({ fallback: 'default' })` may choose. */
  readonly isDefault: boolean;
}

/** The organisation a request is for, as `orgContext()` found it. */
export interface Org {
  readonly id: string;
  /** The caller's roles in this organisation. */
  readonly roles: readonly string[];
  /**
   * The caller's scopes in this organisation: those of the roles, by `createAuth({ organisations: { scopesOf } })`, none without it. Of
   * an API key no more than it has itself; a client acting for itself has its own. A real set that cannot be changed.
   */
  readonly scopes: ReadonlySet<string>;
  /** Where the choice came from; `claim` means the caller belongs to exactly one. */
  readonly source: 'header' | 'param' | 'claim' | 'default';
}

/** Everything about a principal but the credential itself: what may be cached and shared. */
export type PrincipalFacts = Omit<Principal, 'token' | 'actor'>;

/**
 * A class against the house rule of plain objects: only a private field can be read by a caller that asks for
 * `token` and still stay out of `console.log`, `JSON.stringify` and object spreads.
 */
class VerifiedPrincipal implements Principal {
  readonly method: Principal['method'];
  readonly subject: string;
  readonly user: User;
  readonly scopes: ReadonlySet<string>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly issuer: string;
  readonly clientId: string | undefined;
  readonly sessionId: string | undefined;
  readonly issuedAt: number | undefined;
  readonly expiresAt: number;
  readonly authTime: number | undefined;
  readonly orgs: readonly OrgMembership[];
  readonly #token: string;

  constructor(facts: PrincipalFacts, token: string) {
    this.method = facts.method;
    this.subject = facts.subject;
    this.user = facts.user;
    this.scopes = facts.scopes;
    this.claims = facts.claims;
    this.issuer = facts.issuer;
    this.clientId = facts.clientId;
    this.sessionId = facts.sessionId;
    this.issuedAt = facts.issuedAt;
    this.expiresAt = facts.expiresAt;
    this.authTime = facts.authTime;
    this.orgs = facts.orgs;
    this.#token = token;
    Object.freeze(this);
  }

  get actor(): Actor | undefined {
    const { act } = this.claims;
    const subject = isRecord(act) ? act['sub'] : undefined;
    return typeof subject === 'string' ? Object.freeze({ subject }) : undefined;
  }

  get token(): string {
    return this.#token;
  }
}

/** Joins verified facts with the token they came from. Cheap: called for every request. */
export function createPrincipal(facts: PrincipalFacts, token: string): Principal {
  return new VerifiedPrincipal(facts, token);
}

/** The same principal, said to have come another way. */
export function withMethod(principal: Principal, method: Principal['method']): Principal {
  return createPrincipal({ ...principal, method }, principal.token);
}

/** The only organisation that the caller's API key is good for; undefined for a key without one, and for every other credential. */
export function orgLimitOf({ method, claims }: Principal): string | undefined {
  const org = method === 'api_key' ? claims['org'] : undefined;
  return typeof org === 'string' ? org : undefined;
}

const unauthenticated = reusableError('CREDENTIALS_MISSING');
const orgMissing = reusableError('ORG_REQUIRED', { reason: 'no_org_context' });

/**
 * Returns who sends a request, for handlers behind `requireAuth()`. Throws CREDENTIALS_MISSING (401) when no guard
 * before the handler has authenticated the request, so that a forgotten guard doesn't open the route.
 *
 * @example
 * ```ts
 * app.get('/api/me', auth.requireAuth(), (req, res) => {
 *   res.json(principalOf(req).user);
 * });
 * ```
 */
export function principalOf(request: object): Principal {
  const principal = optionalPrincipalOf(request);
  if (principal === undefined) throw unauthenticated;
  return principal;
}

/**
 * Returns who sends a request, for handlers behind `optionalAuth()`; undefined for an anonymous one.
 *
 * @example
 * ```ts
 * app.get('/api/projects', auth.optionalAuth(), (req, res) => {
 *   res.json(visibleProjects(optionalPrincipalOf(req)?.user.id));
 * });
 * ```
 */
export function optionalPrincipalOf(request: object): Principal | undefined {
  const { auth }: { readonly auth?: unknown } = request;
  return isPrincipal(auth) ? auth : undefined;
}

/**
 * Other packages set `req.auth` too: express-jwt to the claims, express-oauth2-jwt-bearer to the parts of a token. Both are JSON, which
 * has no sets. What they have judged is no caller of ours, whatever its members are called.
 */
function isPrincipal(auth: unknown): auth is Principal {
  if (!isRecord(auth)) return false;
  const { scopes } = auth;
  return isRecord(scopes) && typeof scopes['has'] === 'function';
}

/**
 * Returns the organisation a request is for, for handlers behind `orgContext()`. Throws ORG_REQUIRED (400) when none
 * was chosen.
 *
 * @example
 * ```ts
 * app.get('/api/datasets', auth.requireAuth(), auth.orgContext(), (req, res) => {
 *   res.json({ org: orgOf(req).id });
 * });
 * ```
 */
export function orgOf(request: object): Org {
  const { org }: { readonly org?: Org | undefined } = request;
  if (org === undefined) throw orgMissing;
  return org;
}

/**
 * Returns whether the caller is a client acting for itself (client credentials) rather than for a user: `sub` is
 * the client (RFC 9068 §2.2) or missing, or the issuer has a sign of its own for it (Auth0, Entra, Keycloak).
 */
export function isClientPrincipal(principal: Principal): boolean {
  const { claims, subject, clientId } = principal;
  return (
    subject === clientId ||
    claims['sub'] === undefined ||
    (clientId !== undefined && subject === `${clientId}@clients`) ||
    claims['gty'] === 'client-credentials' ||
    claims['idtyp'] === 'app' ||
    (clientId !== undefined && claims['preferred_username'] === `service-account-${clientId}`) ||
    // Entra's app-only tokens name the service principal twice; a user's `sub` is never its `oid`.
    (claims['ver'] !== undefined && claims['oid'] === subject && claims['scp'] === undefined)
  );
}
