import type { RedisConnection } from './connection.js';
import { idList, type IdList, pageStart, shardsOf, toId, toMember } from './id-list.js';
import * as scripts from './org-scripts.js';
import { listOf, textsOf } from './scripts.js';
import {
  type Membership,
  type OrgPage,
  type OrgStore,
  OWNER_ROLE,
  type StoredMember,
  type StoredOrg,
} from '../org-store.js';

/**
 * The lists of all organisations and of each user's live on other nodes. They say where to look; the organisation itself decides. An
 * id is listed before it is needed and once more afterwards, in case it was taken off the list meanwhile.
 */
interface OrgContext extends RedisConnection {
  /** The ids of all organisations. */
  readonly all: IdList;
  readonly rowOf: (orgId: string) => string;
  readonly ofUser: (userId: string) => IdList;
}

export function redisOrgs(connection: RedisConnection): OrgStore {
  const { keyOf } = connection;
  const context = {
    ...connection,
    all: idList(connection, shardsOf(connection, 'org-ids')),
    rowOf: (id: string) => keyOf('org', id),
    ofUser: (userId: string) => idList(connection, [keyOf('user-orgs', userId)]),
  };
  return Object.freeze({ ...ofOrgs(context), ...changesOfMembers(context), ...ofMembers(context) });
}

function ofOrgs(
  context: OrgContext,
): Pick<OrgStore, 'create' | 'get' | 'update' | 'delete' | 'list'> {
  const { begin, rowOf, all, ofUser } = context;
  const get = (id: string): Promise<StoredOrg | undefined> => getOrg(context, id);
  return {
    async create({ id, name, createdAt, updatedAt }, ownerId) {
      const change = begin();
      const owner = toValue({ roles: [OWNER_ROLE], joinedAt: createdAt });
      await Promise.all([all.add(change, id), ofUser(ownerId).add(change, id)]);
      const values = [name, createdAt, updatedAt, toMember(ownerId), owner] as const;
      const outcome = await change(scripts.create, rowOf(id), ...values);
      if (outcome === 'created')
        await Promise.all([all.add(begin(), id), ofUser(ownerId).add(begin(), id)]);
      else await unlist(context, id, ownerId);
      return oneOf(outcome, ['created', 'taken']);
    },
    get,
    async update(id, { version, now, name }) {
      const reply = await begin()(scripts.update, rowOf(id), version, now, name);
      return toOrg(id, listOf(reply)) ?? 'stale';
    },
    async delete(id) {
      const [deleted, ...members] = textsOf(await begin()(scripts.remove, rowOf(id)));
      await all.remove(id);
      if (await get(id)) await all.add(begin(), id);
      void unlistAll(context, id, members.map(toId));
      return deleted !== undefined;
    },
    list: (page) => readPage(all, page, get),
  };
}

function changesOfMembers(
  context: OrgContext,
): Pick<OrgStore, 'addMember' | 'setRoles' | 'replaceRoles' | 'removeMember'> {
  const { begin, rowOf, ofUser } = context;
  return {
    async addMember({ orgId, userId, ...member }) {
      const change = begin();
      await ofUser(userId).add(change, orgId);
      const values = [toMember(userId), toValue(member)] as const;
      const outcome = await change(scripts.addMember, rowOf(orgId), ...values);
      if (outcome === 'added') await ofUser(userId).add(begin(), orgId);
      else if (outcome === 'missing') await unlist(context, orgId, userId);
      return oneOf(outcome, ['added', 'member', 'missing']);
    },
    async setRoles(orgId, userId, roles) {
      const values = [toMember(userId), isOwner(roles), JSON.stringify(roles), ''] as const;
      const outcome = await begin()(scripts.setRoles, rowOf(orgId), ...values);
      return oneOf(outcome, ['changed', 'last_owner', 'missing']);
    },
    async replaceRoles(orgId, userId, { from, to }) {
      const texts = [JSON.stringify(to), JSON.stringify(from)] as const;
      const values = [toMember(userId), isOwner(to), ...texts] as const;
      const outcome = await begin()(scripts.setRoles, rowOf(orgId), ...values);
      return oneOf(outcome, ['changed', 'stale', 'last_owner', 'missing']);
    },
    async removeMember(orgId, userId, { evenLastOwner = false, from } = {}) {
      const expected = from ? JSON.stringify(from) : '';
      const values = [toMember(userId), Number(evenLastOwner), expected] as const;
      const outcome = await begin()(scripts.removeMember, rowOf(orgId), ...values);
      if (outcome === 'removed') await unlist(context, orgId, userId);
      return oneOf(outcome, ['removed', 'stale', 'last_owner', 'missing']);
    },
  };
}

function ofMembers(
  context: OrgContext,
): Pick<OrgStore, 'getMember' | 'membersOf' | 'membershipsOf'> {
  const { run, rowOf, ofUser } = context;
  return {
    getMember: (orgId, userId) => getMember(context, orgId, userId),
    async membersOf(orgId, { after, limit }) {
      const from = pageStart(after);
      const reply = textsOf(await run(scripts.readMembers, rowOf(orgId), from, limit));
      return Array.from({ length: reply.length / 2 }, (_, at) => ({
        orgId,
        userId: toId(reply[at * 2] ?? ''),
        ...toRoles(reply[at * 2 + 1] ?? ''),
      }));
    },
    membershipsOf: (userId, page) =>
      readPage(ofUser(userId), page, async (orgId) => {
        const membership = await getMember(context, orgId, userId);
        if (!membership) void unlistAll(context, orgId, [userId]);
        return membership;
      }),
  };
}

async function getOrg({ send, rowOf }: OrgContext, id: string): Promise<StoredOrg | undefined> {
  return toOrg(id, listOf(await send('HMGET', rowOf(id), ...scripts.FACTS)));
}

async function getMember(
  { send, rowOf }: OrgContext,
  orgId: string,
  userId: string,
): Promise<Membership | undefined> {
  const fields = [...scripts.FACTS, `m:${toMember(userId)}`];
  const reply = listOf(await send('HMGET', rowOf(orgId), ...fields));
  const [org, member] = [toOrg(orgId, reply), reply.at(-1)];
  return org && member !== undefined ? { org, ...toRoles(member) } : undefined;
}

/** Takes an organisation off a user's list, unless it is the user's again. */
async function unlist(context: OrgContext, orgId: string, userId: string): Promise<void> {
  const list = context.ofUser(userId);
  await list.remove(orgId);
  if (await getMember(context, orgId, userId)) await list.add(context.begin(), orgId);
}

/** For what nobody waits for: an id that stays on a list is taken off it when the list is read. */
async function unlistAll(
  context: OrgContext,
  orgId: string,
  userIds: readonly string[],
): Promise<void> {
  try {
    // One after the other: the application shares this connection.
    // oxlint-disable-next-line no-await-in-loop
    for (const userId of userIds) await unlist(context, orgId, userId);
  } catch {
    // Whoever waits for an answer of the store learns that it fails.
  }
}

/** A page of what is listed, without ids that lead to nothing. */
async function readPage<Row>(
  list: IdList,
  { after, limit }: OrgPage,
  find: (id: string) => Promise<Row | undefined>,
): Promise<readonly Row[]> {
  const found: Row[] = [];
  let last = after;
  while (found.length < limit) {
    // oxlint-disable-next-line no-await-in-loop
    const ids = await list.page(last, limit);
    // oxlint-disable-next-line no-await-in-loop
    const rows = await Promise.all(ids.map(find));
    found.push(...rows.filter((row) => row !== undefined));
    if (ids.length < limit) break;
    last = ids.at(-1);
  }
  return found.slice(0, limit);
}

function isOwner(roles: readonly string[]): number {
  return Number(roles.includes(OWNER_ROLE));
}

function toValue({ roles, joinedAt }: Pick<StoredMember, 'roles' | 'joinedAt'>): string {
  return `${isOwner(roles)} ${joinedAt} ${JSON.stringify(roles)}`;
}

function toRoles(value: string): Pick<StoredMember, 'roles' | 'joinedAt'> {
  const [, joinedAt, roles = '[]'] = /^. (\S+) (.*)$/s.exec(value) ?? [];
  return { roles: JSON.parse(roles), joinedAt: Number(joinedAt) };
}

function toOrg(
  id: string,
  [name, createdAt, updatedAt, version]: readonly (string | undefined)[],
): StoredOrg | undefined {
  if (name === undefined) return undefined;
  return {
    ...{ id, name, createdAt: Number(createdAt) },
    ...{ updatedAt: Number(updatedAt), version: Number(version) },
  };
}

function oneOf<const Outcome extends string>(
  reply: unknown,
  outcomes: readonly Outcome[],
): Outcome {
  const outcome = outcomes.find((each) => each === reply);
  if (outcome === undefined) throw new Error('Redis answered what no script says');
  return outcome;
}
