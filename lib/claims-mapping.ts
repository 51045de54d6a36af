/**
 * Where a fact stands in the claims: a claim's name, a dotted path into it (`realm_access.roles`), or
 * several of either, tried in order. A claim whose own name has dots is found first.
 */
export type ClaimPath = string | readonly string[];

/** Which claims become which part of a principal. What is left out keeps the preset's or the generic path. */
export interface ClaimsMapping {
  readonly userId?: ClaimPath;
  readonly email?: ClaimPath;
  readonly username?: ClaimPath;
  readonly roles?: ClaimPath;
  readonly groups?: ClaimPath;
  /** One path to an object, or a list of claims that are each copied under their own name. */
  readonly attributes?: ClaimPath;
  /** The claim `scope` is read as a space-separated string only (RFC 9068 §2.2.3); others may be lists. */
  readonly scopes?: ClaimPath;
  /** An id, a list of ids, a list of `{ id, roles, default }`, or an object keyed by id. */
  readonly orgs?: ClaimPath;
  readonly clientId?: ClaimPath;
  readonly sessionId?: ClaimPath;
}
