import assert from 'node:assert/strict';
import {
  type OrgStore,
  OWNER_ROLE,
  type RolesChange,
  type StoredMember,
} from '../../stores/org-store.js';
import type { Store } from '../../stores/store.js';
import { awkwardTexts, type Check, race, randomName } from './connections.js';
import { assertAgreed, created, newMember, ownersOf } from './new-org.js';

/** Ends being an owner, in one of two ways. */
function resign(
  { orgs }: Store,
  { orgId, userId }: Pick<StoredMember, 'orgId' | 'userId'>,
  way: number,
): Promise<string> {
  return way % 2 === 0
    ? orgs.removeMember(orgId, userId)
    : orgs.setRoles(orgId, userId, ['viewer']);
}

async function replaceRoles(
  orgs: OrgStore,
  [orgId, userId]: readonly [orgId: string, userId: string],
  change: RolesChange,
): Promise<string | undefined> {
  return orgs.replaceRoles?.(orgId, userId, change);
}

export const ownerChecks: Readonly<Record<string, Check>> = {
  'orgs: the last owner stays, until there is another one or leaving is forced': async ({
    one,
    two,
  }) => {
    const [first, second] = [randomName(), randomName()];
    const { id } = await created(one, [first]);
    for (const way of [0, 1])
      assert.equal(await resign(two, { orgId: id, userId: first }, way), 'last_owner');
    assert.deepEqual((await one.orgs.getMember(id, first))?.roles, [OWNER_ROLE]);
    assert.equal(await two.orgs.setRoles(id, first, ['x', OWNER_ROLE]), 'changed');
    await one.orgs.addMember(newMember(id, { userId: second }));
    assert.equal(await two.orgs.removeMember(id, first), 'last_owner');
    assert.equal(await two.orgs.setRoles(id, second, [OWNER_ROLE]), 'changed');
    assert.equal(await one.orgs.setRoles(id, first, []), 'changed');
    assert.equal(await one.orgs.removeMember(id, second), 'last_owner');
    assert.equal(await two.orgs.removeMember(id, second, { evenLastOwner: false }), 'last_owner');
    assert.equal(await two.orgs.removeMember(id, second, { evenLastOwner: true }), 'removed');
    assert.deepEqual(await ownersOf(one, id), []);
    // One without an owner is no prison, and gets one again.
    assert.equal(await one.orgs.setRoles(id, first, ['viewer']), 'changed');
    assert.equal(await one.orgs.setRoles(id, first, [OWNER_ROLE]), 'changed');
    assert.equal(await two.orgs.removeMember(id, first), 'last_owner');
  },
  'orgs: of two owners who remove each other, 50 times at once, one stays': async (connections) => {
    const { one, two } = connections;
    await race(connections, 50, async (store, turn) => {
      const pair = [randomName(), randomName()] as const;
      const { id } = await created(store, pair);
      const outcomes = await Promise.all(
        pair.map((userId, at) => resign(at === 0 ? one : two, { orgId: id, userId }, turn >> at)),
      );
      assert.equal(outcomes.filter((outcome) => outcome === 'last_owner').length, 1);
      assert.equal((await ownersOf(store, id)).length, 1);
    });
  },
  'orgs: of 50 owners who all leave at once, one stays': async (connections) => {
    const ids = Array.from({ length: 50 }, randomName);
    const { id } = await created(connections.one, ids);
    const outcomes = await race(connections, 50, (store, turn) =>
      resign(store, { orgId: id, userId: ids[turn] ?? '' }, turn % 3),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'last_owner').length, 1);
    assert.deepEqual(await ownersOf(connections.two, id), [ids[outcomes.indexOf('last_owner')]]);
    for (const userId of ids.slice(0, 6)) await assertAgreed(connections.two, id, userId);
  },
  'orgs: of 20 changes from the same roles one is made, and a member who became an owner stays one':
    async (connections) => {
      const { one, two } = connections;
      const [owner, member] = [randomName(), randomName()];
      const { id } = await created(one, [owner]);
      await one.orgs.addMember(newMember(id, { userId: member, roles: awkwardTexts }));
      if (!one.orgs.replaceRoles) return;
      const outcomes = await race(connections, 20, ({ orgs }, turn) =>
        replaceRoles(orgs, [id, member], { from: awkwardTexts, to: [String(turn)] }),
      );
      assert.equal(outcomes.filter((outcome) => outcome === 'changed').length, 1);
      assert.equal(outcomes.filter((outcome) => outcome === 'stale').length, 19);
      const from = [String(outcomes.indexOf('changed'))];
      assert.deepEqual((await two.orgs.getMember(id, member))?.roles, from);
      assert.equal(await one.orgs.setRoles(id, member, [OWNER_ROLE]), 'changed');
      assert.equal(await replaceRoles(two.orgs, [id, member], { from, to: [] }), 'stale');
      assert.equal(await two.orgs.removeMember(id, member, { from }), 'stale');
      assert.equal((await ownersOf(two, id)).length, 2);
      const asOwner = { from: [OWNER_ROLE] };
      assert.equal(await two.orgs.removeMember(id, member, asOwner), 'removed');
      assert.equal(await two.orgs.removeMember(id, member, asOwner), 'missing');
      assert.equal(await two.orgs.removeMember(id, owner, asOwner), 'last_owner');
      const viewer = { ...asOwner, to: ['viewer'] };
      assert.equal(await replaceRoles(one.orgs, [id, member], viewer), 'missing');
      assert.equal(await replaceRoles(one.orgs, [id, owner], viewer), 'last_owner');
      const also = { ...asOwner, to: [OWNER_ROLE, 'billing'] };
      assert.equal(await replaceRoles(one.orgs, [id, owner], also), 'changed');
      assert.equal(await replaceRoles(one.orgs, [id, ''], also), 'missing');
    },
  'orgs: an owner hands over and leaves while the other one leaves': async (connections) => {
    await race(connections, 20, async (store) => {
      const [first, second, heir] = [randomName(), randomName(), randomName()];
      const { id } = await created(store, [first, second]);
      await store.orgs.addMember(newMember(id, { userId: heir }));
      await Promise.all([
        connections.one.orgs
          .setRoles(id, heir, [OWNER_ROLE])
          .then(() => connections.one.orgs.removeMember(id, first)),
        connections.two.orgs.removeMember(id, second),
        connections.two.orgs.setRoles(id, heir, ['viewer']),
      ]);
      assert.ok((await ownersOf(store, id)).length >= 1);
    });
  },
};
