/** What is known of the request behind an event. Never a header, cookie, token or body. */
export interface RequestFacts {
  /** `req.id`, where `securityHeaders()` or the application set one. */
  readonly requestId?: string | undefined;
  /** Remote address as Express sees it (honours `trust proxy`). */
  readonly ip?: string | undefined;
}

/** What of a user can be set. */
export type UserField =
  | 'username'
  | 'email'
  | 'emailVerified'
  | 'roles'
  | 'groups'
  | 'attributes'
  | 'orgs'
  | 'disabled';

/** What of a service account can be set. */
export type ServiceAccountField =
  | 'name'
  | 'scopes'
  | 'roles'
  | 'disabled'
  | 'jwks'
  | 'tokenSeconds';

/** Why a support person may not act as a user. */
export type ImpersonationRefusal =
  | 'self'
  | 'unknown_user'
  | 'disabled'
  | 'protected_user'
  | 'must_reset_password'
  | 'changed'
  | 'active';

/** What every event of an organisation carries. */
export interface OrgFacts extends RequestFacts {
  readonly orgId: string;
  readonly by: string | undefined;
}

/** Every audit event by name, with what it carries. Reasons are fixed words. No event holds a secret. */
export interface AuthEvents {
  /** A request's token was refused. */
  'token.refused': RequestFacts & {
    readonly code: string;
    /** The rule that it broke, in one word. */
    readonly reason: string | undefined;
    /** Whom it is of: a user, or a service account. Absent unless the credential itself is genuine, such as a key that has ended. */
    readonly subject?: string;
    /** Id of the API key, under the same condition. */
    readonly keyId?: string;
  };
  /**
   * A valid credential was not enough: scope, role, organisation or authentication context. With the code CROSS_SITE_REQUEST a page of another
   * site may have sent the request. From `auth.errorHandler()` and our own pages.
   */
  'access.denied': RequestFacts & {
    readonly code: string;
    readonly subject: string | undefined;
  };
  /** A key set was fetched. Counts are of usable keys. */
  'keys.fetched': {
    readonly issuer: string;
    readonly keys: number;
    readonly added: number;
    readonly withdrawn: number;
  };
  /**
   * Fetching a key set failed; known keys go on serving until the stale limit, but with `no_usable_key`, which withdraws them. Reasons: network,
   * timeout, status, too_large, not_json, no_usable_key, issuer_mismatch, private_address, url.
   */
  'keys.failed': {
    readonly issuer: string;
    readonly reason: string;
    readonly retryAfterSeconds: number;
    /** With `issuer_mismatch`: the issuer that the metadata names instead, printable and at most 128 characters. */
    readonly foundIssuer?: string;
  };
  /**
   * A published key is not used. Reasons: malformed (an unknown `kty` included), private, rsa_size, rsa_exponent,
   * algorithm (none that the policy allows), use (not for signatures).
   */
  'keys.skipped': {
    readonly issuer: string;
    readonly reason: string;
    readonly kid: string | undefined;
  };
  /**
   * An issuer could not be asked about a token, or its answer was none. Reasons: those of `keys.failed` and credentials (ours
   * are refused), not_signed, signature, answer_claims (of a signed answer), overload (told once a second at most).
   */
  'introspection.failed': {
    readonly issuer: string;
    readonly reason: string;
    readonly retryAfterSeconds: number;
  };
  /** A hook of the application threw; the request was answered 503, or went on where the hook only tells or adds. */
  'hook.failed': RequestFacts & {
    readonly hook:
      | 'isRevoked'
      | 'loadPrincipal'
      | 'resolveIssuer'
      | 'resolveOrg'
      | 'scopesOf'
      | 'resolveProvider'
      | 'provision'
      | 'sendMail'
      | 'isBlocked'
      | 'mayCreate'
      | 'verifyForeign';
  };
  /** A user signed in. */
  'login.succeeded': RequestFacts & {
    readonly userId: string;
    readonly sessionId: string;
    /** Name of the identity provider; absent for a password. */
    readonly provider?: string;
  };
  /**
   * A log-in was refused, or a signed-in user gave a wrong password where one is asked for. Reasons with a password: unknown_user, wrong_password,
   * no_password, disabled, too_many (under several names of the account), bad_hash, changed. With a one-time code (`mode=code`): unbound_code, unknown_code,
   * user_gone, ended_meanwhile. With a provider: one word for the rule that was broken.
   */
  'login.failed': RequestFacts & {
    readonly reason: string;
    /** Absent when no user has this login. */
    readonly userId: string | undefined;
    /** Name of the identity provider; absent for a password. */
    readonly provider?: string;
  };
  /** An account was joined with a provider's: from now on its user can sign in with that provider. */
  'identity.linked': RequestFacts & {
    readonly userId: string;
    readonly provider: string;
    /** `new`: the account was made for it. `request`: its user linked it. `email`: both know the same verified address. */
    readonly by: 'new' | 'request' | 'email';
  };
  /** An account can't be used with a provider any more. */
  'identity.unlinked': RequestFacts & {
    readonly userId: string;
    readonly provider: string;
    /** `request`: its user removed it. `admin`: an administrator did. `password`: a reset or change of the password. `deletion`: with its account. */
    readonly by: 'request' | 'admin' | 'password' | 'deletion';
  };
  /** An API key was made. */
  'api_key.created': RequestFacts & {
    readonly keyId: string;
    /** Id of the user or service account that it acts for. */
    readonly owner: string;
    /** Id of the user who made it; undefined: code of the application did. */
    readonly by: string | undefined;
  };
  /** An API key was ended before its time. */
  'api_key.revoked': RequestFacts & {
    readonly keyId: string;
    readonly owner: string;
    /** `request`: its owner ended it. `admin`: an administrator did. `password`: a reset of the password. `deletion`: with its owner. `code`: the application. */
    readonly by: 'request' | 'admin' | 'password' | 'deletion' | 'code';
  };
  /** A provider ended sessions by a logout token. */
  'logout.backchannel': RequestFacts & {
    readonly provider: string;
    /** How many sessions ended by it. */
    readonly sessions: number;
  };
  /**
   * A logout token was refused; no session ended. Reasons: signature, type, issuer, audience, nonce, events, subject, id, times, replayed,
   * invalid_request (there was none).
   */
  'logout.refused': RequestFacts & {
    readonly provider: string;
    readonly reason: string;
  };
  /** A provider's access token was renewed, or could not be. */
  'upstream.renewed': { readonly sessionId: string; readonly provider: string };
  'upstream.failed': {
    /** Absent at a sign-in whose tokens are too long to be kept: its session has not begun. */
    readonly sessionId?: string;
    readonly provider: string;
    readonly reason: string;
  };
  /** A limit was reached; 429. */
  'rate.limited': RequestFacts & {
    readonly limit: 'address' | 'account';
  };
  /** A refresh token was exchanged for its successor. */
  'refresh.rotated': RequestFacts & {
    readonly userId: string;
    readonly sessionId: string;
  };
  /**
   * A refresh token was refused. Reasons: malformed, unknown, delivery (as a cookie that was given out in a body, or the other way round), revoked,
   * expired, future (the store was restored from a backup), ended, other_key, refresh_reused, user_gone; of an actor those of `impersonation.ended`.
   */
  'refresh.refused': RequestFacts & {
    readonly reason: string;
  };
  /** A refresh token was used again after its grace period: it has been copied. Its session has ended. */
  'refresh.reused': RequestFacts & {
    readonly userId: string;
    readonly sessionId: string;
  };
  /**
   * A session ended before its time. One event a session, from the instance that ended it. Reasons: logout, revoked (by its refresh token), replaced (by
   * a new sign-in in the same browser), backchannel, refresh_reused, code_reused, ended_by_user, ended_by_admin, user_disabled, user_deleted,
   * user_gone, user_changed, ended_meanwhile, identity_removed, password_change, password_reset, password_admin_reset, those of `impersonation.ended`,
   * and what the application gives `auth.sessions.revoke()`.
   */
  'session.revoked': RequestFacts & {
    readonly sessionId: string;
    /** Absent where only the provider knows whose session it is (`logout.backchannel`). */
    readonly userId?: string | undefined;
    /** Id of the user who ended it; absent: a provider, a rule of ours, or the application. */
    readonly by?: string | undefined;
    readonly reason: string;
  };
  /** A password was set. */
  'password.changed': RequestFacts & {
    readonly userId: string;
    readonly reason: 'change' | 'reset' | 'admin_reset';
    /** The session that began with it; absent for `admin_reset`, where none does. */
    readonly sessionId?: string;
  };
  /** A mail to reset a password was requested. `userId` is absent when no user has this address. */
  'password.reset_requested': RequestFacts & {
    readonly userId: string | undefined;
  };
  /** A signed-in user asked for another e-mail address, or for the proof of the present one. It counts with `user.changed`. */
  'email.change_requested': RequestFacts & {
    readonly userId: string;
  };
  /**
   * A token that was mailed came and was refused. Reasons: unknown (never given out, used, or expired), out_of_date (address or password have changed
   * since), wrong_password (not the one of the sign-up), and of an invitation unknown, used, expired, other_address, unproven (an address that the
   * account has not proven).
   */
  'mailed_token.refused': RequestFacts & {
    readonly kind: 'reset' | 'address' | 'invitation';
    readonly reason:
      | 'unknown'
      | 'out_of_date'
      | 'wrong_password'
      | 'used'
      | 'expired'
      | 'other_address'
      | 'unproven';
    /** The signed-in user who sent it. */
    readonly userId?: string;
  };
  /** Somebody asked for an account with a password. `userId` is whose account has the address already; absent for a new address. */
  'sign_up.requested': RequestFacts & {
    readonly userId: string | undefined;
  };
  /** A password hash in the store cannot be used; its owner cannot sign in with a password. */
  'password.hash_broken': {
    readonly userId: string;
  };
  /**
   * An administrator, or users themselves (sign-up, new address), changed a user. What the application does by `auth.users` is not told. The command
   * line tells it in its own process, on `diagnostics_channel`.
   */
  'user.changed': RequestFacts & {
    readonly userId: string;
    readonly change:
      | 'created'
      | 'updated'
      | 'disabled'
      | 'enabled'
      | 'deleted'
      | 'password_reset'
      | 'sessions_ended'
      | 'identity_removed'
      | 'key_revoked';
    /** Which members were set, such as `roles`, by `updated`, `disabled` and `enabled`. */
    readonly fields?: readonly UserField[];
    /** Subject of the request, where there was one; absent for a sign-up, and from the command line. */
    readonly by: string | undefined;
  };
  /** A support person began to act as another user. */
  'impersonation.started': RequestFacts & {
    readonly userId: string;
    readonly actorId: string;
    /** The session that they act in. `session.revoked` tells of its end before `until`. */
    readonly sessionId: string;
    /** When it ends by itself. Milliseconds since 1970. */
    readonly until: number;
    /** The reason that they gave: one line of text, of at most 500 characters, and not ours. */
    readonly note: string;
  };
  /**
   * They stopped, or were stopped. Reasons: logout, revoked, ended_by_user, ended_by_admin, refresh_reused, user_gone; and of the actor actor_gone,
   * actor_signed_out, actor_scope; protected_user, impersonation_off. Not told where all sessions of the user end at once, and at `until`.
   */
  'impersonation.ended': {
    readonly userId: string;
    readonly actorId: string;
    readonly sessionId: string;
    readonly reason: string;
  };
  /**
   * A support person was refused. Reasons: self, unknown_user, disabled, protected_user, must_reset_password, changed; `active` for a request that only
   * the user in person may send.
   */
  'impersonation.refused': RequestFacts & {
    readonly actorId: string;
    /** Absent when there is no such user. */
    readonly userId: string | undefined;
    readonly reason: ImpersonationRefusal;
  };
  /** A service account got an access token. */
  'token.issued': RequestFacts & {
    readonly clientId: string;
    readonly org: string;
  };
  /**
   * A client did not prove itself. Reasons: no_proof, mixed_credentials, basic (a malformed header), unknown_client, disabled, malformed_secret (cut
   * off, or none of ours), wrong_secret, secret_ended, org_gone, no_keys, and for an assertion: assertion_malformed, assertion_type, assertion_subject, assertion_audience,
   * assertion_id, assertion_times, assertion_signature, assertion_replayed.
   */
  'client.refused': RequestFacts & {
    readonly reason: string;
    /** Absent when there is no such account. */
    readonly clientId: string | undefined;
  };
  /** An administrator changed a service account. */
  'service_account.changed': RequestFacts & {
    readonly accountId: string;
    readonly change:
      | 'created'
      | 'updated'
      | 'disabled'
      | 'enabled'
      | 'deleted'
      | 'secret_added'
      | 'secret_ended';
    /** Which members were set, such as `scopes`, by `updated`, `disabled` and `enabled`. */
    readonly fields?: readonly ServiceAccountField[];
    /** Subject of the request; absent from the command line. */
    readonly by: string | undefined;
  };
  /** An organisation was made, renamed, removed: with its members, invitations and service accounts. `by` is the user who did it, here and below; absent: the application. */
  'org.created': OrgFacts;
  'org.changed': OrgFacts & { readonly change: 'renamed' };
  'org.deleted': OrgFacts;
  /** A user became a member of an organisation, got other roles in it, or is no member any more. */
  'org.member_added': OrgFacts & {
    readonly userId: string;
    /** Absent for one who was added without an invitation. */
    readonly invitationId?: string;
  };
  'org.member_changed': OrgFacts & { readonly userId: string };
  'org.member_removed': OrgFacts & { readonly userId: string };
  /** An address was invited to an organisation; the invitation was taken back. */
  'org.invited': OrgFacts & { readonly invitationId: string };
  'org.invitation_withdrawn': OrgFacts & { readonly invitationId: string };
  /**
   * The store could not answer. Reasons: driver, host, refused, tls, authentication, database, permission, readonly, eviction,
   * schema, cluster, disk, memory, connections, locked, not_ready, connection, timeout, overload, closed, error.
   */
  'store.failed': {
    /** Such as `sessions.rotate`. */
    readonly operation: string;
    readonly reason: string;
    /** With `overload`, which is told once a second at most: how many operations were refused since the last time. */
    readonly count?: number;
  };
}

export type AuthEventName = keyof AuthEvents;
