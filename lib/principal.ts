/** Who calls: the outcome of a verified credential. Deeply frozen; safe to keep and to share. */
export interface Principal {
  /** How the caller proved who it is. */
  readonly method: 'jwt' | 'session' | 'api_key' | 'dev';
  /** `sub`: unique within the issuer, never empty. */
  readonly subject: string;
  readonly user: User;
  /** Granted scopes. A real set that cannot be changed; prints as an array in JSON. */
  readonly scopes: ReadonlySet<string>;
  /** The token's payload as it was signed, without `__proto__`, `prototype` and `constructor` members. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** `iss`, exactly as configured. */
  readonly issuer: string;
  /** The OAuth client that obtained the token, where the token says so. */
  readonly clientId: string | undefined;
  /** The session the token belongs to (`sid`). */
  readonly sessionId: string | undefined;
  /** Seconds since 1970. */
  readonly issuedAt: number | undefined;
  /** Seconds since 1970. */
  readonly expiresAt: number;
  /** When the user last signed in actively (`auth_time`). Seconds since 1970. */
  readonly authTime: number | undefined;
  /** Organisations the caller belongs to, where the token lists them. */
  readonly orgs: readonly OrgMembership[];
  /** The credential itself, to forward it upstream. Not enumerable: it is neither printed nor serialised. */
  readonly token: string;
}

/** The person or client behind a principal, as mapped from claims. */
export interface User {
  /** Stable id: `sub`, or the claim that the mapping names. */
  readonly id: string;
  readonly email: string | undefined;
  readonly username: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** Further facts, e.g. for row-level security: scalars and lists of scalars. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
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
  /** Where the choice came from; `claim` means the caller belongs to exactly one. */
  readonly source: 'header' | 'param' | 'claim' | 'default';
}

declare global {
  // Express' own way to add request properties is its global namespace.
  // eslint-disable-next-line typescript/no-namespace
  namespace Express {
    interface Request {
      /** Set by `requireAuth()`; by `optionalAuth()` only when the request carried a credential. */
      auth: Principal;
      /** Set by `orgContext()`. */
      org: Org;
      /** Request id, set by `securityHeaders()`. */
      id: string;
    }
  }
}
