import assert from 'node:assert/strict';
import { OWNER_ROLE } from '../../stores/org-store.js';
import { awkwardTexts, type Check, NOW, race, randomName } from './connections.js';
import { assertAgreed, created, newMember, newOrg, ownersOf } from './new-org.js';

const rows: Readonly<Record<string, Check>> = {
  'orgs: created with its first owner, and found member by member': async ({ one, two }) => {
    for (const name of awkwardTexts) {
      const org = newOrg({ name, updatedAt: NOW + 1 });
      const ownerId = randomName();
      assert.equal(await one.orgs.create(org, ownerId), 'created');
      const stored = { ...org, version: 0 };
      const membership = { org: stored, roles: [OWNER_ROLE], joinedAt: org.createdAt };
      assert.deepEqual(await two.orgs.get(org.id), stored);
      assert.deepEqual(await two.orgs.getMember(org.id, ownerId), membership);
      assert.deepEqual(await two.orgs.membershipsOf(ownerId, { limit: 9 }), [membership]);
      const member = { orgId: org.id, userId: ownerId, roles: [OWNER_ROLE], joinedAt: NOW };
      assert.deepEqual(await two.orgs.membersOf(org.id, { limit: 9 }), [member]);
    }
    for (const id of [randomName(), '', 'a\0b', '\uD800'])
      assert.equal(await one.orgs.get(id), undefined);
  },
  'orgs.create: of 20 at once with one id one succeeds, and has its owner': async (connections) => {
    const { id } = newOrg();
    const owners = Array.from({ length: 20 }, randomName);
    const outcomes = await race(connections, 20, (store, turn) =>
      store.orgs.create(newOrg({ id, name: String(turn) }), owners[turn] ?? ''),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'created').length, 1);
    assert.equal(outcomes.filter((outcome) => outcome === 'taken').length, 19);
    const winner = outcomes.indexOf('created');
    assert.equal((await connections.two.orgs.get(id))?.name, String(winner));
    assert.deepEqual(await ownersOf(connections.two, id), [owners[winner]]);
    for (const owner of owners) await assertAgreed(connections.one, id, owner);
  },
  'orgs.update: changes the name, counts, and sets the time; stale at another version': async ({
    one,
    two,
  }) => {
    const org = await created(one, [randomName()]);
    const changed = await two.orgs.update(org.id, { version: 0, now: NOW + 9, name: 'New' });
    const expected = { ...org, name: 'New', updatedAt: NOW + 9, version: 1 };
    assert.deepEqual(changed, expected);
    assert.deepEqual(await one.orgs.get(org.id), expected);
    const change = { version: 0, now: NOW + 10, name: 'Later' };
    assert.equal(await one.orgs.update(org.id, change), 'stale');
    assert.equal(await one.orgs.update(randomName(), change), 'stale');
    assert.deepEqual(await two.orgs.get(org.id), expected);
  },
  'orgs.update: of 20 at once from one version one succeeds': async (connections) => {
    const { id } = await created(connections.one, [randomName()]);
    const outcomes = await race(connections, 20, (store, turn) =>
      store.orgs.update(id, { version: 0, now: NOW, name: String(turn) }),
    );
    assert.equal(outcomes.filter((outcome) => typeof outcome === 'object').length, 1);
    assert.equal((await connections.two.orgs.get(id))?.version, 1);
  },
  'orgs.delete: once, with all memberships; the id is free afterwards': async (connections) => {
    const { one, two } = connections;
    const [ownerId, userId] = [randomName(), randomName()];
    const { id } = await created(one, [ownerId]);
    const other = await created(one, [ownerId]);
    await one.orgs.addMember(newMember(id, { userId }));
    const outcomes = await race(connections, 10, (store) => store.orgs.delete(id));
    assert.equal(outcomes.filter(Boolean).length, 1);
    assert.equal(await two.orgs.get(id), undefined);
    assert.equal(await two.orgs.getMember(id, ownerId), undefined);
    assert.deepEqual(await two.orgs.membersOf(id, { limit: 9 }), []);
    assert.deepEqual(await two.orgs.membershipsOf(userId, { limit: 9 }), []);
    const [left, ...none] = await two.orgs.membershipsOf(ownerId, { limit: 9 });
    assert.deepEqual([left?.org, none], [other, []]);
    assert.equal(await one.orgs.delete(randomName()), false);
    // Members of the former one are none of the next.
    assert.equal(await two.orgs.create(newOrg({ id }), userId), 'created');
    assert.equal(await one.orgs.getMember(id, ownerId), undefined);
    await assertAgreed(one, id, userId);
    await assertAgreed(one, id, ownerId);
  },
};

const members: Readonly<Record<string, Check>> = {
  'orgs.addMember: of 20 at once one; the first one stays': async (connections) => {
    const { one, two } = connections;
    const { id } = await created(one, [randomName()]);
    const userId = randomName();
    const outcomes = await race(connections, 20, (store, turn) =>
      store.orgs.addMember(newMember(id, { userId, roles: [String(turn)] })),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'added').length, 1);
    assert.equal(outcomes.filter((outcome) => outcome === 'member').length, 19);
    const roles = [String(outcomes.indexOf('added'))];
    assert.deepEqual((await two.orgs.getMember(id, userId))?.roles, roles);
    await assertAgreed(two, id, userId);
    assert.equal(await one.orgs.addMember(newMember(randomName(), { userId })), 'missing');
    assert.equal((await two.orgs.membershipsOf(userId, { limit: 9 })).length, 1);
  },
  'orgs: any role survives': async ({ one, two }) => {
    const { id } = await created(one, [randomName()]);
    const member = newMember(id, { roles: awkwardTexts });
    await one.orgs.addMember(member);
    assert.deepEqual((await two.orgs.getMember(id, member.userId))?.roles, awkwardTexts);
    for (const roles of [[], ['viewer', 'viewer'], awkwardTexts.toReversed()]) {
      assert.equal(await one.orgs.setRoles(id, member.userId, roles), 'changed');
      const expected = { ...member, roles };
      assert.deepEqual(
        (await two.orgs.membersOf(id, { limit: 9 })).find(({ userId }) => userId === member.userId),
        expected,
      );
    }
  },
  'orgs: a change of roles and leaving are for members': async ({ one, two }) => {
    const owner = randomName();
    const { id } = await created(one, [owner]);
    const member = newMember(id);
    for (const [orgId, userId] of [
      [id, member.userId],
      [randomName(), owner],
      [id, ''],
    ] as const) {
      assert.equal(await two.orgs.setRoles(orgId, userId, ['x']), 'missing');
      assert.equal(await two.orgs.removeMember(orgId, userId), 'missing');
    }
    await one.orgs.addMember(member);
    const outcomes = await Promise.all([
      one.orgs.removeMember(id, member.userId),
      two.orgs.removeMember(id, member.userId),
    ]);
    assert.deepEqual(outcomes.toSorted(), ['missing', 'removed']);
    await assertAgreed(two, id, member.userId);
    assert.equal(await two.orgs.addMember(member), 'added');
    await assertAgreed(one, id, member.userId);
  },
};

/** Ids in the order of their code units, in a corner of their own. The last ones may come in another order, but all must come. */
function orderedIds(): readonly string[] {
  const corner = `~${randomName()}`;
  return ['A', 'Z', 'a', 'é', '𝒜', '\uE000', '\uFFFD'].map((letter) => `${corner}${letter}`);
}

/** Reads pages of two until one is not full, from the corner of the ids on. */
async function readAll<Row>(
  read: (page: { readonly after: string; readonly limit: number }) => Promise<readonly Row[]>,
  corner: string,
  idOf: (row: Row) => string,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (;;) {
    const page = (await read({ after: ids.at(-1) ?? corner, limit: 2 })).map(idOf);
    ids.push(...page.filter((id) => id.startsWith(corner)));
    if (page.length < 2 || ids.length > 50) return ids;
  }
}

const pages: Readonly<Record<string, Check>> = {
  'orgs: listed by id, members by user, memberships by organisation, a page at a time': async ({
    one,
    two,
  }) => {
    const ids = orderedIds();
    const corner = ids[0]?.slice(0, -1) ?? '';
    const userId = randomName();
    for (const id of ids.toReversed()) await one.orgs.create(newOrg({ id }), userId);
    const [orgId = ''] = ids;
    for (const id of ids.toReversed()) await one.orgs.addMember(newMember(orgId, { userId: id }));
    const read = await Promise.all([
      readAll(
        (page) => two.orgs.list(page),
        corner,
        ({ id }) => id,
      ),
      readAll(
        (page) => two.orgs.membersOf(orgId, page),
        corner,
        (member) => member.userId,
      ),
      readAll(
        (page) => two.orgs.membershipsOf(userId, page),
        corner,
        ({ org }) => org.id,
      ),
    ]);
    for (const found of read) {
      assert.deepEqual(found.slice(0, 4), ids.slice(0, 4));
      assert.deepEqual(found.toSorted(), ids.toSorted());
    }
    assert.equal((await two.orgs.list({ limit: 1 })).length, 1);
    assert.equal((await two.orgs.membersOf(orgId, { limit: 3 })).length, 3);
    assert.equal((await two.orgs.membershipsOf(userId, { limit: 3 })).length, 3);
    for (const id of ids) assert.equal(await one.orgs.delete(id), true);
  },
};

const together: Readonly<Record<string, Check>> = {
  'orgs: a member who is added while the organisation is deleted is none': async (connections) => {
    await race(connections, 50, async (store, turn) => {
      const { id } = await created(store, [randomName()]);
      const member = newMember(id, { roles: turn % 2 === 0 ? [OWNER_ROLE] : [] });
      const [added, deleted] = await Promise.all([
        connections.one.orgs.addMember(member),
        connections.two.orgs.delete(id),
      ]);
      assert.equal(deleted, true);
      assert.ok(['added', 'missing'].includes(added));
      assert.equal(await store.orgs.create(newOrg({ id }), randomName()), 'created');
      assert.equal(await store.orgs.getMember(id, member.userId), undefined);
      assert.deepEqual(await store.orgs.membershipsOf(member.userId, { limit: 9 }), []);
      assert.equal((await store.orgs.membersOf(id, { limit: 9 })).length, 1);
    });
  },
  'orgs: a member who is removed and added at once is on both lists or on none': async (
    connections,
  ) => {
    const { one, two } = connections;
    const { id } = await created(one, [randomName()]);
    await race(connections, 30, async (store) => {
      const member = newMember(id);
      await store.orgs.addMember(member);
      await Promise.all([
        one.orgs.removeMember(id, member.userId),
        two.orgs.addMember(member),
        two.orgs.removeMember(id, member.userId),
        one.orgs.addMember(member),
      ]);
      await assertAgreed(store, id, member.userId);
    });
  },
};

export const orgChecks: Readonly<Record<string, Check>> = {
  ...rows,
  ...members,
  ...pages,
  ...together,
};
