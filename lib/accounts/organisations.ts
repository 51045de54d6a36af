import { randomBytes } from 'node:crypto';
import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import type { RequestFacts } from '../events/auth-events.js';
import {
  type Membership,
  type OrgPage,
  type OrgStore,
  type StoredMember,
  type StoredOrg,
} from '../stores/org-store.js';
import type { StoredUser } from '../stores/store.js';
import type { Invitation, Invitations, NewInvitation, SentInvitation } from './invitations.js';
import type { MemberKey, MembershipReader } from './membership-reader.js';
import { normaliseLogin } from './logins.js';
import {
  alreadyMember,
  changedMeanwhile,
  lastOwner,
  MOST_MEMBERSHIPS,
  readOrgId,
  readOrgName,
  readOrgRoles,
  tooManyOrgs,
} from './org-rules.js';
import { deleteAccountsOf, type ServiceAccounts } from './service-accounts.js';
import type { Users } from './users.js';

export interface OrganisationOptions {
  /**
   * Scopes of a member with these roles: `req.org.scopes`, for `requireScopes('…', { of: 'org' })`. Called for every request that
   * `orgContext()` lets through whose roles it has not seen; a throw answers 503. @defaultValue none
   */
  readonly scopesOf?: (roles: readonly string[]) => readonly string[];
  /** Whether a user may make an organisation: 403 INSUFFICIENT_ROLE if not; a throw answers 503. @defaultValue all users may */
  readonly mayCreate?: (user: StoredUser) => boolean | Promise<boolean>;
}

/** Who does it, for the events. */
export interface OrgActor extends RequestFacts {
  /** Id of the user. @defaultValue the application itself */
  readonly by?: string | undefined;
}

/** A member to be. */
export interface NewMember extends MemberKey {
  /** @defaultValue none */
  readonly roles?: readonly string[];
}

/** What a decision to change a member was made by. */
interface KnownRoles {
  /** The change is made only if these are still the member's roles, as they were read. @defaultValue whatever they are */
  readonly from?: readonly string[];
}

/**
 * Organisations and their members, with AUTH_ORGANISATIONS. Nothing here asks who may do it. Every method may reject with
 * STORE_UNAVAILABLE (503). Guards of this instance see a change at once, others within `revocationLagSeconds`.
 */
export interface Organisations {
  /**
   * Adds an organisation with its first owner. Rejects with INVALID_REQUEST (400), NOT_FOUND (404) for a user who is not there,
   * and CONFLICT (409) for an id that is taken, or an owner of too many.
   *
   * @example
   * const acme = await auth.organisations.create({ name: 'Acme', ownerId: user.id });
   */
  create(
    org: { readonly name: string; readonly ownerId: string; readonly id?: string },
    actor?: OrgActor,
  ): Promise<StoredOrg>;
  find(id: string): Promise<StoredOrg | undefined>;
  /** Rejects with INVALID_REQUEST (400), NOT_FOUND (404), and CONFLICT (409) after ten concurrent changes. */
  rename(id: string, name: string, actor?: OrgActor): Promise<StoredOrg>;
  /** Removes an organisation, with all memberships, invitations and service accounts. Returns whether there was one. */
  remove(id: string, actor?: OrgActor): Promise<boolean>;
  /** In the order of their ids. */
  list(page: OrgPage): Promise<readonly StoredOrg[]>;
  /** In the order of their users' ids. */
  members(orgId: string, page: OrgPage): Promise<readonly StoredMember[]>;
  /** Rejects with INVALID_REQUEST (400), NOT_FOUND (404), and CONFLICT (409) for a member, and a user who is one of too many. */
  addMember(member: NewMember, actor?: OrgActor): Promise<void>;
  /**
   * Replaces a member's roles. Rejects with INVALID_REQUEST (400), NOT_FOUND (404), and CONFLICT (409) for the last owner's, and for a
   * member whose roles are not `from`.
   *
   * @example
   * const member = await auth.organisations.membershipOf({ orgId, userId });
   * if (member && mayEdit(member.roles))
   *   await auth.organisations.setRoles({ orgId, userId, roles: ['editor'], from: member.roles });
   */
  setRoles(member: Required<NewMember> & KnownRoles, actor?: OrgActor): Promise<void>;
  /**
   * Also withdraws an invitation that would let them in again. Rejects with NOT_FOUND (404), and CONFLICT (409) for the last owner,
   * and for a member whose roles are not `from`.
   */
  removeMember(member: MemberKey & KnownRoles, actor?: OrgActor): Promise<void>;
  /** Asks the store. */
  membershipOf(member: MemberKey): Promise<Membership | undefined>;
  /** Up to 100. Asks the store. */
  membershipsOf(userId: string): Promise<readonly Membership[]>;
  /**
   * Ends all memberships of a user who was deleted, also as the last owner, and withdraws the invitations they have sent. The
   * router's own routes have done it; call it after `auth.users.delete()`.
   */
  removeUser(userId: string, actor?: OrgActor): Promise<void>;
  /**
   * Makes an invitation for 7 days, which replaces an earlier one of the same address. The mail is yours to send: the token belongs into
   * it, and nowhere else. Rejects with INVALID_REQUEST (400), NOT_FOUND (404), and CONFLICT (409) for the 101st open one.
   */
  invite(invitation: NewInvitation, actor?: OrgActor): Promise<SentInvitation>;
  /** Open ones, the newest first. */
  invitations(orgId: string): Promise<readonly Invitation[]>;
  /** Returns whether there was an open one. */
  withdrawInvitation(key: Pick<Invitation, 'id' | 'orgId'>, actor?: OrgActor): Promise<boolean>;
  /**
   * Makes a user a member by an invitation's token. Rejects with INVALID_REQUEST (400) for one that is unknown, used, expired,
   * withdrawn, or whose sender may not send it any more; ORG_FORBIDDEN (403) unless the user's proven address is the invited one;
   * CONFLICT (409) for a member.
   */
  acceptInvitation(token: string, user: StoredUser, actor?: OrgActor): Promise<Membership>;
}

export interface OrganisationsContext {
  readonly orgs: OrgStore;
  readonly users: Pick<Users, 'findById'>;
  readonly invitations: Invitations;
  readonly accounts: Pick<ServiceAccounts, 'list' | 'delete'>;
  readonly memberships: Pick<MembershipReader, 'forgetMember' | 'forgetOrg'>;
  readonly events: EventSink;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createOrganisations(context: OrganisationsContext): Organisations {
  const { orgs } = context;
  return Object.freeze({
    ...organisationMethods(context),
    ...memberMethods(context),
    ...invitationMethods(context),
    find: (id: string) => orgs.get(id),
    list: (page: OrgPage) => orgs.list(page),
    members: (orgId: string, page: OrgPage) => orgs.membersOf(orgId, page),
    membershipOf: ({ orgId, userId }: MemberKey) => orgs.getMember(orgId, userId),
    membershipsOf: (userId: string) => orgs.membershipsOf(userId, { limit: MOST_MEMBERSHIPS }),
  });
}

const MOST_TRIES = 10;

function organisationMethods(context: OrganisationsContext) {
  const { orgs, memberships, invitations, accounts, events, now } = context;

  async function rename(id: string, name: string, triesLeft: number): Promise<StoredOrg> {
    const latest = await orgs.get(id);
    if (!latest) throw new AuthError('NOT_FOUND');
    const changed = await orgs.update(id, { version: latest.version, now: now(), name });
    if (changed !== 'stale') return changed;
    if (triesLeft <= 1) throw new AuthError('CONFLICT');
    return rename(id, name, triesLeft - 1);
  }

  return {
    async create(
      {
        name,
        ownerId,
        id = randomBytes(16).toString('base64url'),
      }: Parameters<Organisations['create']>[0],
      actor: OrgActor = {},
    ): Promise<StoredOrg> {
      const org = {
        id: readOrgId(id),
        name: readOrgName(name),
        createdAt: now(),
        updatedAt: now(),
      };
      await refuseNewMember(context, ownerId);
      const outcome = await forgetting(context, { orgId: id, userId: ownerId }, () =>
        orgs.create(org, ownerId),
      );
      if (outcome === 'taken') throw new AuthError('CONFLICT');
      memberships.forgetOrg(id);
      events.emit('org.created', { orgId: id, ...told(actor) });
      return { ...org, version: 0 };
    },
    async rename(id: string, name: string, actor: OrgActor = {}): Promise<StoredOrg> {
      const org = await rename(id, readOrgName(name), MOST_TRIES);
      memberships.forgetOrg(id);
      events.emit('org.changed', { orgId: id, change: 'renamed', ...told(actor) });
      return org;
    },
    async remove(id: string, actor: OrgActor = {}): Promise<boolean> {
      try {
        await invitations.withdrawAll(id);
        await deleteAccountsOf(accounts, id);
        const wasThere = await orgs.delete(id);
        if (wasThere) events.emit('org.deleted', { orgId: id, ...told(actor) });
        return wasThere;
      } finally {
        memberships.forgetOrg(id);
      }
    },
  };
}

function memberMethods(context: OrganisationsContext) {
  const { orgs, users, invitations, events, now } = context;
  return {
    async addMember({ roles = [], ...key }: NewMember, actor: OrgActor = {}): Promise<void> {
      const member = { ...key, roles: readOrgRoles(roles), joinedAt: now() };
      await refuseNewMember(context, key.userId);
      const outcome = await forgetting(context, key, () => orgs.addMember(member));
      if (outcome === 'missing') throw new AuthError('NOT_FOUND');
      if (outcome === 'member') throw alreadyMember;
      events.emit('org.member_added', { ...key, ...told(actor) });
    },
    async setRoles(
      { roles, from, ...key }: Required<NewMember> & KnownRoles,
      actor: OrgActor = {},
    ): Promise<void> {
      const { orgId, userId } = key;
      const to = readOrgRoles(roles);
      const outcome = await forgetting(context, key, async () =>
        from
          ? comparing(orgs).replaceRoles(orgId, userId, { from, to })
          : orgs.setRoles(orgId, userId, to),
      );
      refuseUnchanged(outcome);
      events.emit('org.member_changed', { ...key, ...told(actor) });
    },
    async removeMember(
      { from, ...key }: MemberKey & KnownRoles,
      actor: OrgActor = {},
    ): Promise<void> {
      const { orgId, userId } = key;
      const email = normaliseLogin((await users.findById(userId))?.email);
      const outcome = await forgetting(context, key, async () =>
        from
          ? comparing(orgs).removeMember(orgId, userId, { from })
          : orgs.removeMember(orgId, userId),
      );
      refuseUnchanged(outcome);
      if (email !== undefined) await invitations.withdrawOf({ orgId, email });
      events.emit('org.member_removed', { ...key, ...told(actor) });
    },
    async removeUser(userId: string, actor: OrgActor = {}): Promise<void> {
      await invitations.withdrawBy(userId);
      await endMemberships(context, userId, (orgId) =>
        events.emit('org.member_removed', { orgId, userId, ...told(actor) }),
      );
    },
  };
}

/**
 * What changes a member only if the roles are still the given ones. Throws a TypeError for a store that would change them whatever
 * they are: one without `replaceRoles` knows no `from` in `removeMember` either.
 */
function comparing(orgs: OrgStore): Required<Pick<OrgStore, 'replaceRoles' | 'removeMember'>> {
  if (hasComparison(orgs)) return orgs;
  throw new TypeError(
    'the store has no orgs.replaceRoles, which `from` needs: the type OrgStore says what it does',
  );
}

function hasComparison(orgs: OrgStore): orgs is Required<OrgStore> {
  return orgs.replaceRoles !== undefined;
}

function refuseUnchanged(
  outcome: 'changed' | 'removed' | 'missing' | 'last_owner' | 'stale',
): void {
  if (outcome === 'missing') throw new AuthError('NOT_FOUND');
  if (outcome === 'last_owner') throw lastOwner;
  if (outcome === 'stale') throw changedMeanwhile;
}

/** Page by page, until there are none. */
async function endMemberships(
  context: OrganisationsContext,
  userId: string,
  ended: (orgId: string) => void,
): Promise<void> {
  const { orgs } = context;
  const page = await orgs.membershipsOf(userId, { limit: MOST_MEMBERSHIPS });
  await Promise.all(
    page.map(async ({ org: { id: orgId } }) => {
      const evenLastOwner = true;
      await forgetting(context, { orgId, userId }, () =>
        orgs.removeMember(orgId, userId, { evenLastOwner }),
      );
      ended(orgId);
    }),
  );
  if (page.length === MOST_MEMBERSHIPS) await endMemberships(context, userId, ended);
}

function invitationMethods(context: OrganisationsContext) {
  const { orgs, invitations, events, now } = context;
  return {
    async invite(given: NewInvitation, actor: OrgActor = {}): Promise<SentInvitation> {
      if (!(await orgs.get(given.orgId))) throw new AuthError('NOT_FOUND');
      const sent = await invitations.invite(given);
      const { id: invitationId, orgId } = sent.invitation;
      events.emit('org.invited', { orgId, invitationId, ...told(actor) });
      return sent;
    },
    invitations: (orgId: string) => invitations.list(orgId),
    async withdrawInvitation(
      key: Pick<Invitation, 'id' | 'orgId'>,
      actor: OrgActor = {},
    ): Promise<boolean> {
      const wasOpen = await invitations.withdraw(key);
      const { id: invitationId, orgId } = key;
      if (wasOpen) events.emit('org.invitation_withdrawn', { orgId, invitationId, ...told(actor) });
      return wasOpen;
    },
    async acceptInvitation(
      token: string,
      user: StoredUser,
      actor: OrgActor = {},
    ): Promise<Membership> {
      const joinedAt = now();
      const { invitation, org } = await invitations.accept(token, user, async (accepted) => {
        const { orgId, roles } = accepted;
        const key = { orgId, userId: user.id };
        if (!(await orgs.getMember(orgId, user.id))) await refuseNewMember(context, user.id);
        return forgetting(context, key, () => orgs.addMember({ ...key, roles, joinedAt }));
      });
      const { roles, orgId, id: invitationId } = invitation;
      const key = { orgId, userId: user.id };
      events.emit('org.member_added', { ...key, invitationId, ...told(actor) });
      return { org, roles, joinedAt };
    },
  };
}

/** Rejects with NOT_FOUND (404) for a user who is not there, and CONFLICT (409) for one who is a member of too many. */
async function refuseNewMember(
  { users, orgs }: OrganisationsContext,
  userId: string,
): Promise<void> {
  if (!(await users.findById(userId))) throw new AuthError('NOT_FOUND');
  const all = await orgs.membershipsOf(userId, { limit: MOST_MEMBERSHIPS });
  if (all.length >= MOST_MEMBERSHIPS) throw tooManyOrgs;
}

/** Changes a membership, and has it read anew: also after a failure, which may have changed it all the same. */
async function forgetting<Result>(
  { memberships }: OrganisationsContext,
  key: MemberKey,
  change: () => Promise<Result>,
): Promise<Result> {
  try {
    return await change();
  } finally {
    memberships.forgetMember(key);
  }
}

function told({ by, requestId, ip }: OrgActor): OrgActor & { readonly by: string | undefined } {
  return { by, requestId, ip };
}
