/** The role that may do everything in an organisation. One member at least has it, always. */
export const OWNER_ROLE = 'owner';

/** An organisation: a tenant with members. Times in milliseconds since 1970. */
export interface StoredOrg {
  readonly id: string;
  /** What people call it. Not unique. */
  readonly name: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Counts changes by `update`. Starts at 0; members come and go without a count. */
  readonly version: number;
}

export interface StoredMember {
  readonly orgId: string;
  readonly userId: string;
  /** In this organisation only. */
  readonly roles: readonly string[];
  readonly joinedAt: number;
}

/** A member, seen from the user. */
export interface Membership {
  readonly org: StoredOrg;
  readonly roles: readonly string[];
  readonly joinedAt: number;
}

/** What a member's roles were, and what they are to be. */
export interface RolesChange {
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** Pages go by id, in the order of code units; characters from U+E000 on may have an order of the store's own among themselves. */
export interface OrgPage {
  /** The last id of the page before. Undefined: from the beginning. */
  readonly after?: string;
  readonly limit: number;
}

/**
 * Organisations and their members. The store doesn't know whether a user exists: who deletes one ends the memberships, too.
 * However changes come together, an organisation keeps an owner until `delete` or `evenLastOwner`.
 */
export interface OrgStore {
  /**
   * Adds an organisation and its first member, who has the role `owner` and joined at `createdAt`. `taken`: the id
   * is another organisation's; nothing was changed.
   */
  create(org: Omit<StoredOrg, 'version'>, ownerId: string): Promise<'created' | 'taken'>;
  get(id: string): Promise<StoredOrg | undefined>;
  /**
   * Changes the name, sets `updatedAt` and adds 1 to the version, only if the version is still the given one. `stale`: it
   * is not, or there is no such organisation.
   */
  update(
    id: string,
    change: { readonly version: number; readonly now: number; readonly name: string },
  ): Promise<StoredOrg | 'stale'>;
  /** With all memberships, also one that is added at the same moment. Returns whether there was such an organisation. */
  delete(id: string): Promise<boolean>;
  /** Organisations in the order of their ids, at most `limit`, those after `after` only. */
  list(page: OrgPage): Promise<readonly StoredOrg[]>;
  /** `member`: the user is one already; nothing was changed. `missing`: there is no such organisation. */
  addMember(member: StoredMember): Promise<'added' | 'member' | 'missing'>;
  /**
   * Replaces the roles of a member. `last_owner`: the organisation would have no owner any more; nothing was changed. `missing`:
   * there is no such member.
   */
  setRoles(
    orgId: string,
    userId: string,
    roles: readonly string[],
  ): Promise<'changed' | 'last_owner' | 'missing'>;
  /**
   * The same, only if the member's roles are `from` at that moment, in this order: else `stale`, and nothing was changed. Of several
   * changes from the same roles one takes effect. Since release 0.10. Of a store without it the roles are looked at before `setRoles`
   * and `removeMember`, and a change in between is lost.
   */
  replaceRoles?(
    orgId: string,
    userId: string,
    change: RolesChange,
  ): Promise<'changed' | 'stale' | 'last_owner' | 'missing'>;
  /**
   * The same as `setRoles` for a member who leaves. `evenLastOwner` is for users who are deleted: without it such a one could not be. With `from` only
   * if these are the roles at that moment: else `stale`.
   */
  removeMember(
    orgId: string,
    userId: string,
    options?: { readonly evenLastOwner?: boolean; readonly from?: readonly string[] },
  ): Promise<'removed' | 'stale' | 'last_owner' | 'missing'>;
  getMember(orgId: string, userId: string): Promise<Membership | undefined>;
  /** In the order of user ids. */
  membersOf(orgId: string, page: OrgPage): Promise<readonly StoredMember[]>;
  /** In the order of organisation ids. Only what `getMember` answers at the moment, too. */
  membershipsOf(userId: string, page: OrgPage): Promise<readonly Membership[]>;
}
