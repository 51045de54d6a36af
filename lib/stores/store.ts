import type { AttributeValue, OrgMembership } from '../principal.js';
import type { OrgStore } from './org-store.js';

/**
 * Milliseconds in which an operation that changes something takes effect, or never does. Counted from its call, the wait for
 * a connection included. Callers wait a second longer, so that nothing changes after they have given up.
 */
export const PATIENCE_MS = 4000;

/**
 * Stores sessions, one-time values, users, credentials, organisations and what instances tell each other. Six small contracts. Every
 * operation is one atomic step: it takes effect completely or not at all, and of two concurrent ones the second sees the
 * effect of the first. One that is held up for longer than {@link PATIENCE_MS} changes nothing and rejects.
 *
 * Time is an argument, in milliseconds since 1970; a store uses its own clock for durations only. A rejection means that
 * the store is not available; callers answer 503 and lose nothing. A missing row and a lost race are results, not errors.
 * `storeContract` in `latchkey/testing` tests an adapter against all of this.
 */
export interface Store {
  readonly sessions: SessionStore;
  readonly once: OnceStore;
  readonly users: UserStore;
  readonly credentials: CredentialStore;
  readonly orgs: OrgStore;
  readonly instances: InstanceStore;
  /** Resolves when the store answers and its schema is there; rejects with the reason when it could not keep what it is given. */
  ping(): Promise<void>;
  /**
   * Runs operations of this store on one connection, for which it waits once. Optional: for stores with a pool of
   * connections.
   */
  readonly together?: <Result>(run: () => Promise<Result>) => Promise<Result>;
  /** Closes the connections that the store has opened. A client object that was passed in stays open. */
  close(): Promise<void>;
}

/** One signed-in device or client. */
export interface Session {
  /** `sid`: public, in every access token; worthless without the refresh token's MAC. */
  readonly id: string;
  /** `sub` of its access tokens. */
  readonly userId: string;
  /** Which key makes the MAC of the current refresh token. */
  readonly kid: string;
  /** Random, base64url; part of what the MAC covers, so that a leaked key alone forges nothing. */
  readonly salt: string;
  /** Number of the current refresh token. Starts at 0. */
  readonly generation: number;
  /** When the generation last changed. */
  readonly rotatedAt: number;
  /** Counts changes by `update`. Starts at 0; `rotate` leaves it alone. */
  readonly version: number;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  /** The session ends when unused until then. Never later than `expiresAt`. */
  readonly idleExpiresAt: number;
  /** The session ends then, whatever happens. Never changes. */
  readonly expiresAt: number;
  readonly revokedAt: number | undefined;
  /** One fixed word. */
  readonly revokedReason: string | undefined;
  /** The identity provider's names for user and session, for back-channel log-out. */
  readonly provider: SessionProvider | undefined;
  /** JSON text that the store does not look into. */
  readonly data: string;
}

export interface SessionProvider {
  /** `iss` of the provider. */
  readonly issuer: string;
  /** `sub` there. */
  readonly subject: string;
  /** `sid` there, if it names its sessions. */
  readonly sessionId: string | undefined;
}

export type NewSession = Omit<Session, 'version' | 'revokedAt' | 'revokedReason'>;

export interface Rotation {
  /** The generation that is being replaced. */
  readonly generation: number;
  /** The key of the successor. */
  readonly kid: string;
  readonly now: number;
  /** Becomes `idleExpiresAt`, but never later than the row's `expiresAt`. */
  readonly idleExpiresAt: number;
}

export interface SessionChange {
  /** The version that the change was worked out from. */
  readonly version: number;
  readonly lastUsedAt?: number;
  /** Never later than the row's `expiresAt`. */
  readonly idleExpiresAt?: number;
  readonly data?: string;
}

/** Whose sessions. `except` spares one. */
export type SessionSelector =
  | { readonly id: string }
  | { readonly userId: string; readonly except?: string }
  /** All of a provider's user; with `sessionId` those of that session there, and those that began without naming one. */
  | { readonly issuer: string; readonly subject: string; readonly sessionId?: string }
  | { readonly issuer: string; readonly sessionId: string };

export interface Revocation {
  readonly id: string;
  readonly revokedAt: number;
  /** Where it stands in the order of revocations: text that only the store understands, for `after`. */
  readonly position: string;
}

export interface RevocationPage {
  /** The `position` of the last entry that was read. Undefined: from the beginning. */
  readonly after?: string | undefined;
  /** At most so many entries. @defaultValue `1000` */
  readonly limit?: number;
}

export interface SessionPage {
  /** The last session of the page before. Undefined: from the beginning. */
  readonly after?: Pick<Session, 'id' | 'expiresAt'> | undefined;
  /** At most so many sessions. @defaultValue `100` */
  readonly limit?: number;
}

/** What only a database that holds sessions and users together can do in one statement. */
export interface JoinedSessions {
  /** The users that these operations look at. Callers use them only while this is the `users` of the store. */
  readonly users: UserStore;
  /** The session, as `sessions.get` returns it, and its user. */
  get(id: string): Promise<SessionOfUser | undefined>;
  /**
   * Adds a session, only if its user exists, is not disabled and has still the given version. Returns whether it did.
   * A change of the user that comes later waits for it.
   */
  create(session: NewSession, userVersion: number): Promise<boolean>;
}

export interface SessionOfUser {
  readonly session: Session;
  readonly user: StoredUser | undefined;
}

export interface SessionStore {
  /** Adds a session. Rejects if the id is taken. */
  create(session: NewSession): Promise<void>;
  /** The session, also one that is revoked or expired and not yet swept. */
  get(id: string): Promise<Session | undefined>;
  /**
   * Generation + 1, `rotatedAt` and `lastUsedAt` = now, the new `kid` and `idleExpiresAt`, in one conditional step: only if the generation
   * is still the given one and the session is not revoked, `now < idleExpiresAt` and `now < expiresAt`. The time that the
   * statement was held up is added to `rotatedAt`. Returns the changed row; undefined when a condition failed. Of concurrent
   * calls exactly one succeeds.
   */
  rotate(id: string, rotation: Rotation): Promise<Session | undefined>;
  /** Changes what is given and adds 1 to the version, only if the version is still the given one and the session is not revoked. Returns the changed row; undefined otherwise. */
  update(id: string, change: SessionChange): Promise<Session | undefined>;
  /**
   * Revokes every selected session that is not revoked yet, and returns their ids. The first revocation
   * stays: neither time nor reason ever change, and no operation makes a revoked session live again.
   */
  revoke(
    selector: SessionSelector,
    at: { readonly now: number; readonly reason: string },
  ): Promise<readonly string[]>;
  /**
   * Revocations at or after `time`, until they are swept, a page at a time. The order is the store's: a revocation that becomes
   * visible later has a later position than every entry of the pages before, or is returned by a later page all the same. With
   * `after`, entries whose `revokedAt` is before `time` may be among them. A page that is not full is the last one for now.
   */
  revokedSince(time: number, page?: RevocationPage): Promise<readonly Revocation[]>;
  /**
   * Calls `listener` soon after a revocation was stored, by whichever instance. May miss some: it only saves the wait for the
   * next look. Returns the function that ends it. Optional.
   */
  readonly onRevoked?: (listener: () => void) => () => void;
  /**
   * A user's sessions that are neither revoked nor expired at `now`, a page at a time: the one that began last first, by
   * `expiresAt` and then `id` (by code unit), both descending, because neither ever changes.
   */
  listByUser(userId: string, now: number, page?: SessionPage): Promise<readonly Session[]>;
  /**
   * Deletes up to `limit` (1000 unless told) sessions that ended (by revocation, idle or absolute limit) at or before `before`, and forgets their
   * revocation. May leave those of the last day before `before` to a later call. Returns how many; fewer than `limit`: there
   * are no more for now. A store that lets rows expire by itself returns 0.
   */
  sweep(before: number, limit?: number): Promise<number>;
  readonly joined?: JoinedSessions;
}

/**
 * Values that are used at most once or only counted: states, codes, reset tokens, replay ids, rate limits. Every
 * entry has an end; at or after it, it is as if it had never been.
 */
export interface OnceStore {
  /** Adds a value if the key has no live one. Returns whether it did; of concurrent calls exactly one does. */
  add(
    key: string,
    value: string,
    life: { readonly now: number; readonly expiresAt: number },
  ): Promise<boolean>;
  /** Removes a value and returns it. Of concurrent calls exactly one gets it. */
  take(key: string, now: number): Promise<string | undefined>;
  /**
   * Adds `amount` (1 unless told; may be negative) to a counter, which never falls below 0. The first count after
   * its end starts a new window. An `amount` of 0 only reads, and starts none. Counters and values do not share keys.
   */
  incr(key: string, count: CountOptions): Promise<Count>;
  /** Removes a value or counter, if it is there. */
  del(key: string): Promise<void>;
  /** Deletes up to `limit` (1000 unless told) entries that ended at or before `before`. Returns how many; fewer than `limit`: there are no more. */
  sweep(before: number, limit?: number): Promise<number>;
}

/** What an instance of the application tells the others. */
export interface InstanceReport {
  /** Random, one per instance. */
  readonly id: string;
  /** JSON text that the store does not look into. */
  readonly data: string;
}

export interface StoredReport extends InstanceReport {
  /** Milliseconds since it was stored, by the store's own clock. */
  readonly ageMs: number;
}

export interface InstanceStore {
  /**
   * Stores the report of an instance in place of its former one, and returns the reports of all instances, this one's
   * included, but for those older than `maxAgeMs`, which it forgets.
   */
  report(report: InstanceReport, maxAgeMs: number): Promise<readonly StoredReport[]>;
  /** Forgets an instance that ends. */
  leave(id: string): Promise<void>;
}

export interface CountOptions {
  readonly now: number;
  /** Length of a window that starts now. An open one keeps its end. */
  readonly windowMs: number;
  readonly amount?: number;
}

export interface Count {
  readonly count: number;
  /** End of the window. */
  readonly resetAt: number;
}

/** A user who can sign in. Logins are stored normalised: NFKC, trimmed, lower case. Times in milliseconds since 1970. */
export interface StoredUser {
  readonly id: string;
  /** Unique among user names. Has no `@`, so that it never equals an e-mail address. */
  readonly username: string | undefined;
  /** Unique among e-mail addresses. */
  readonly email: string | undefined;
  /** Whether the user has proven that the address is theirs. */
  readonly emailVerified: boolean;
  /** PHC string (`$argon2id$…`); undefined: cannot sign in with a password. */
  readonly passwordHash: string | undefined;
  /** Guards answer 403 PASSWORD_CHANGE_REQUIRED until the user has set a new password. Of no effect with AUTH_PASSWORDS=off. */
  readonly mustResetPassword: boolean;
  /** Cannot sign in, and sessions are not renewed. */
  readonly disabled: boolean;
  /** Tenant-wide roles, for `requireRoles()`. */
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** Further facts for access tokens. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly orgs: readonly OrgMembership[];
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Counts changes. Starts at 0. */
  readonly version: number;
}

/** Everything that can change. A member that is there replaces the old value, also with undefined. */
export type UserChange = Partial<Omit<StoredUser, 'id' | 'createdAt' | 'updatedAt' | 'version'>>;

export interface UserStore {
  /** By user name or e-mail address, exactly as kept. */
  findByLogin(login: string): Promise<StoredUser | undefined>;
  findById(id: string): Promise<StoredUser | undefined>;
  /** `taken`: the id, user name or e-mail address is another user's; nothing was changed. */
  create(user: Omit<StoredUser, 'version'>): Promise<'created' | 'taken'>;
  /**
   * Changes what is given, sets `updatedAt` and adds 1 to the version, only if the version is still the given
   * one. `stale`: it is not, or there is no such user. `taken`: the user name or e-mail address is another user's.
   */
  update(
    id: string,
    change: { readonly version: number; readonly now: number; readonly set: UserChange },
  ): Promise<StoredUser | 'stale' | 'taken'>;
  /** Users in the order of their ids (by code unit), at most `limit`, those after `after` only. */
  list(page: { readonly after?: string; readonly limit: number }): Promise<readonly StoredUser[]>;
  /** Returns whether there was such a user. The logins are free afterwards. */
  delete(id: string): Promise<boolean>;
}

/** An API key, a secret of a service account, or an identity at a provider. Of a secret only the hash is kept. */
export interface StoredCredential {
  readonly id: string;
  /** SHA-256 of the secret, base64url. Unique. */
  readonly hash: string;
  readonly kind: string;
  readonly ownerId: string;
  /** What in the application it is for, such as `project:42`. Never changes. */
  readonly resource: string | undefined;
  /** What credentials of this kind keep beside (name, scopes, organisation): JSON text. */
  readonly data: string;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  readonly lastUsedAt: number | undefined;
  readonly revokedAt: number | undefined;
}

export type NewCredential = Omit<StoredCredential, 'resource' | 'lastUsedAt' | 'revokedAt'> &
  Partial<Pick<StoredCredential, 'resource'>>;

/** A list of credentials has at most so many. */
export const MOST_LISTED_CREDENTIALS = 1000;

/** Milliseconds for which credentials are kept that have ended, so that it can be told what they were. */
export const KEEP_CREDENTIALS_MS: number = 90 * 86_400_000;

/**
 * The kind of credential that is never swept. An identity that is linked again takes the next hash in a row of its own, and is looked for
 * from the first one on: a gap would hide its link, and another account could take it.
 */
export const LASTING_KIND = 'identity';

export interface CredentialFilter {
  readonly kind?: string;
}

export interface CredentialStore {
  /** Adds a credential. Rejects if id or hash are taken. */
  create(credential: NewCredential): Promise<void>;
  /** Also one that is revoked or expired: judging is the caller's. */
  findByHash(hash: string): Promise<StoredCredential | undefined>;
  /** Also one that is revoked or expired. */
  findById(id: string): Promise<StoredCredential | undefined>;
  /**
   * All of an owner, or those of one kind, the newest first. Of more than {@link MOST_LISTED_CREDENTIALS} those that were revoked are
   * left out first, and then the oldest.
   */
  listByOwner(ownerId: string, filter?: CredentialFilter): Promise<readonly StoredCredential[]>;
  /** The same for all that are for one resource. */
  listByResource(resource: string, filter?: CredentialFilter): Promise<readonly StoredCredential[]>;
  /**
   * Replaces `data` by `to`, only if it is still `from` and the credential is not revoked. Returns whether it did; of concurrent
   * calls from one text exactly one does.
   */
  update(id: string, data: { readonly from: string; readonly to: string }): Promise<boolean>;
  /** Sets `lastUsedAt`, never backwards. No such credential: nothing happens. */
  touch(id: string, now: number): Promise<void>;
  /** Returns whether this call revoked it. The first revocation stays. */
  revoke(id: string, now: number): Promise<boolean>;
  /**
   * Deletes up to `limit` (1000 unless told) credentials that were revoked or expired at or before `before`, but for those of
   * {@link LASTING_KIND}. Returns how many; fewer than `limit`: there are no more. A store that lets them expire by itself, after
   * {@link KEEP_CREDENTIALS_MS}, returns 0.
   */
  sweep(before: number, limit?: number): Promise<number>;
}
