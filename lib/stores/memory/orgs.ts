import { isDeepStrictEqual } from 'node:util';
import { createGroups, type Groups } from './groups.js';
import {
  type Membership,
  type OrgPage,
  type OrgStore,
  OWNER_ROLE,
  type StoredMember,
  type StoredOrg,
} from '../org-store.js';

type MemberRow = Pick<StoredMember, 'roles' | 'joinedAt'>;

interface OrgRow {
  readonly org: StoredOrg;
  /** By user id. */
  readonly members: Map<string, MemberRow>;
}

interface Tables {
  readonly rows: Map<string, OrgRow>;
  readonly idsByUser: Groups;
}

export function memoryOrgs(): OrgStore {
  const tables: Tables = { rows: new Map(), idsByUser: createGroups() };
  return Object.freeze({ ...ofOrgs(tables), ...changesOfMembers(tables), ...ofMembers(tables) });
}

function ofOrgs({
  rows,
  idsByUser,
}: Tables): Pick<OrgStore, 'create' | 'get' | 'update' | 'delete' | 'list'> {
  return {
    async create(org, ownerId) {
      if (rows.has(org.id)) return 'taken';
      const owner = { roles: [OWNER_ROLE], joinedAt: org.createdAt };
      const stored = { ...structuredClone(org), version: 0 };
      rows.set(org.id, { org: stored, members: new Map([[ownerId, owner]]) });
      idsByUser.add(ownerId, org.id);
      return 'created';
    },
    get: async (id) => structuredClone(rows.get(id)?.org),
    async update(id, { version, now, name }) {
      const row = rows.get(id);
      if (row?.org.version !== version) return 'stale';
      const org = { ...row.org, name, updatedAt: now, version: version + 1 };
      rows.set(id, { ...row, org });
      return structuredClone(org);
    },
    async delete(id) {
      for (const userId of rows.get(id)?.members.keys() ?? []) idsByUser.remove(userId, id);
      return rows.delete(id);
    },
    list: async (page) =>
      structuredClone(pageOf(rows.keys(), page).flatMap((id) => rows.get(id)?.org ?? [])),
  };
}

function changesOfMembers({
  rows,
  idsByUser,
}: Tables): Pick<OrgStore, 'addMember' | 'setRoles' | 'replaceRoles' | 'removeMember'> {
  const replaceRoles: NonNullable<OrgStore['replaceRoles']> = async (orgId, userId, change) => {
    const member = rows.get(orgId)?.members.get(userId);
    if (member && !isDeepStrictEqual(member.roles, change.from)) return 'stale';
    return setRoles(orgId, userId, change.to);
  };
  const setRoles: OrgStore['setRoles'] = async (orgId, userId, roles) => {
    const members = rows.get(orgId)?.members;
    const member = members?.get(userId);
    if (!members || !member) return 'missing';
    if (!roles.includes(OWNER_ROLE) && isLastOwner(members, userId)) return 'last_owner';
    members.set(userId, { ...member, roles: structuredClone(roles) });
    return 'changed';
  };
  return {
    setRoles,
    replaceRoles,
    async addMember({ orgId, userId, roles, joinedAt }) {
      const members = rows.get(orgId)?.members;
      if (!members) return 'missing';
      if (members.has(userId)) return 'member';
      members.set(userId, structuredClone({ roles, joinedAt }));
      idsByUser.add(userId, orgId);
      return 'added';
    },
    async removeMember(orgId, userId, { evenLastOwner = false, from } = {}) {
      const members = rows.get(orgId)?.members;
      const member = members?.get(userId);
      if (!members || !member) return 'missing';
      if (from && !isDeepStrictEqual(member.roles, from)) return 'stale';
      if (!evenLastOwner && isLastOwner(members, userId)) return 'last_owner';
      members.delete(userId);
      idsByUser.remove(userId, orgId);
      return 'removed';
    },
  };
}

function ofMembers({
  rows,
  idsByUser,
}: Tables): Pick<OrgStore, 'getMember' | 'membersOf' | 'membershipsOf'> {
  function membership(orgId: string, userId: string): Membership | undefined {
    const { org, members } = rows.get(orgId) ?? {};
    const member = members?.get(userId);
    return org && member && structuredClone({ org, ...member });
  }

  return {
    getMember: async (orgId, userId) => membership(orgId, userId),
    async membersOf(orgId, page) {
      const members = rows.get(orgId)?.members ?? new Map<string, MemberRow>();
      return pageOf(members.keys(), page).flatMap((userId) => {
        const member = members.get(userId);
        return member ? structuredClone({ orgId, userId, ...member }) : [];
      });
    },
    membershipsOf: async (userId, page) =>
      pageOf(idsByUser.of(userId), page).flatMap((id) => membership(id, userId) ?? []),
  };
}

function isLastOwner(members: OrgRow['members'], userId: string): boolean {
  const owners = [...members].filter(([, { roles }]) => roles.includes(OWNER_ROLE));
  return owners.length === 1 && owners[0]?.[0] === userId;
}

/** Ids of a page, by code unit. */
function pageOf(ids: Iterable<string>, { after, limit }: OrgPage): readonly string[] {
  return [...ids]
    .filter((id) => after === undefined || id > after)
    .toSorted((a, b) => (a < b ? -1 : Number(a > b)))
    .slice(0, limit);
}
