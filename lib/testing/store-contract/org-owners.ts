import assert from 'node:assert/strict';
import { OWNER_ROLE, type StoredMember } from '../../stores/org-store.js';
import type { Store } from '../../stores/store.js';
import { type Check, race, randomName } from './connections.js';
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
