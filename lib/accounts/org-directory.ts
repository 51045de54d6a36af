import { isClientPrincipal, orgLimitOf, type OrgMembership, type Principal } from '../principal.js';
import type { Membership } from '../stores/org-store.js';
import type { MembershipReader } from './membership-reader.js';

/** A caller's standing in an organisation of today. */
export interface OrgStanding extends OrgMembership {
  /** What people call the organisation; undefined where only the credential names it. */
  readonly name: string | undefined;
}

/** Judges the organisations of callers whose credentials are ours, by the store instead of what a token says. */
export interface OrgDirectory {
  /** Whether it is the one to ask. Another issuer's callers belong to what their issuer may name. */
  knows(principal: Principal): boolean;
  /** Undefined for a caller who is no member. Rejects with STORE_UNAVAILABLE (503). */
  standingOf(
    principal: Principal,
    orgId: string,
  ): OrgStanding | undefined | Promise<OrgStanding | undefined>;
  /** Up to 100. Rejects with STORE_UNAVAILABLE (503). */
  standingsOf(principal: Principal): readonly OrgStanding[] | Promise<readonly OrgStanding[]>;
}

interface DirectoryContext {
  /** `iss` of our own tokens. */
  readonly issuer: string | undefined;
  readonly memberships: Pick<MembershipReader, 'of' | 'all' | 'exists'>;
}

/** Claim of an access token that marks its session's default organisation. It proves no membership. */
const DEFAULT_CLAIM = 'org_id';

export function createOrgDirectory({ issuer, memberships }: DirectoryContext): OrgDirectory {
  return Object.freeze({
    knows: (principal: Principal) => principal.issuer === issuer,
    standingOf(principal: Principal, orgId: string) {
      const limits = boundTo(principal);
      const bound = limits?.find(({ id }) => id === orgId);
      if (limits && !bound) return undefined;
      if (bound && isClientPrincipal(principal))
        return andThen(memberships.exists(orgId), (exists) =>
          exists ? ofClient(bound) : undefined,
        );
      const key = { orgId, userId: principal.subject };
      return andThen(memberships.of(key), (found) => found && ofUser(principal, found));
    },
    standingsOf(principal: Principal) {
      const bound = boundTo(principal);
      if (isClientPrincipal(principal)) return (bound ?? []).map(ofClient);
      return andThen(memberships.all(principal.subject), (all) =>
        all
          .filter(({ org: { id } }) => !bound || bound.some((each) => each.id === id))
          .map((membership) => ofUser(principal, membership)),
      );
    },
  });
}

/**
 * The organisations that a key or a client is limited to: it never reaches more of them than its owner, and often fewer.
 * Undefined for what has no such limit. A user's own token is not looked at: what it names may be of yesterday.
 */
function boundTo(principal: Principal): readonly OrgMembership[] | undefined {
  if (isClientPrincipal(principal)) return principal.orgs;
  const only = orgLimitOf(principal);
  return only === undefined ? undefined : principal.orgs.filter(({ id }) => id === only);
}

function ofUser({ claims }: Principal, { org: { id, name }, roles }: Membership): OrgStanding {
  return { id, name, roles, isDefault: claims[DEFAULT_CLAIM] === id };
}

function ofClient(bound: OrgMembership): OrgStanding {
  return { ...bound, name: undefined };
}

/** Goes on at once where nothing has to be waited for. */
function andThen<Value, Result>(
  value: Value | Promise<Value>,
  next: (value: Value) => Result,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value);
}
