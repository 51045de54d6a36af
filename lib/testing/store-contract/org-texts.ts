import assert from 'node:assert/strict';
import { OWNER_ROLE } from '../../stores/org-store.js';
import type { Store } from '../../stores/store.js';
import { type Check, NOW, randomName } from './connections.js';
import { newOrg } from './new-org.js';
import { assertWhole, keptNames, lookalikes, oddTexts } from './odd-texts.js';

/** Everything that an organisation or a member of this name can be found or changed by; `orgId` names one that is there. */
async function assertNoOrgUnder({ orgs }: Store, name: string, orgId: string): Promise<void> {
  const member = { orgId: name, userId: name, roles: [], joinedAt: NOW };
  assert.equal(await orgs.get(name), undefined);
  assert.equal(await orgs.update(name, { version: 0, now: NOW, name: 'x' }), 'stale');
  assert.equal(await orgs.delete(name), false);
  assert.notEqual(await orgs.addMember(member).catch(() => 'refused'), 'added');
  assert.deepEqual(await orgs.membersOf(name, { limit: 9 }), []);
  assert.deepEqual(await orgs.membershipsOf(name, { limit: 9 }), []);
  for (const [ofOrg, userId] of [
    [name, orgId],
    [orgId, name],
  ] as const) {
    assert.equal(await orgs.getMember(ofOrg, userId), undefined);
    assert.equal(await orgs.setRoles(ofOrg, userId, []), 'missing');
    assert.equal(await orgs.removeMember(ofOrg, userId), 'missing');
  }
}

export const orgTextChecks: Readonly<Record<string, Check>> = {
  'orgs: any text is kept exactly or refused as a whole': async ({ one, two }) => {
    for (const text of oddTexts) {
      const ownerId = randomName();
      for (const [org, owner] of [
        [newOrg({ id: `${randomName()}${text}` }), ownerId],
        [newOrg({ name: text }), ownerId],
        [newOrg(), `${randomName()}${text}`],
      ] as const) {
        const expected = { ...org, version: 0 };
        await assertWhole(
          () => one.orgs.create(org, owner),
          () => two.orgs.get(org.id),
          expected,
        );
        const membership = { org: expected, roles: [OWNER_ROLE], joinedAt: org.createdAt };
        const isThere = (await two.orgs.get(org.id)) !== undefined;
        const kept = isThere ? membership : undefined;
        assert.deepEqual(await two.orgs.getMember(org.id, owner), kept);
        if (owner !== ownerId && isThere)
          assert.deepEqual(await two.orgs.membershipsOf(owner, { limit: 9 }), [kept]);
        if (isThere) await one.orgs.delete(org.id);
      }
    }
  },
  'orgs.update, orgs.addMember, orgs.setRoles: any text is kept exactly or refused without a change':
    async ({ one, two }) => {
      const org = newOrg();
      await one.orgs.create(org, randomName());
      let version = 0;
      let name = org.name;
      for (const text of oddTexts) {
        const change = { version, now: NOW, name: text };
        const changed = await one.orgs.update(org.id, change).catch(() => undefined);
        if (typeof changed === 'object') [version, name] = [version + 1, text];
        assert.deepEqual(await two.orgs.get(org.id), {
          ...{ ...org, version, name },
          updatedAt: NOW,
        });
        const userId = `${randomName()}${text}`;
        const member = { orgId: org.id, userId, roles: [text, 'x'], joinedAt: NOW };
        const added = await one.orgs.addMember(member).catch(() => undefined);
        const found = await two.orgs.getMember(org.id, userId);
        assert.deepEqual(found?.roles, added === 'added' ? member.roles : undefined);
        if (added !== 'added') continue;
        const [listed] = await two.orgs.membershipsOf(userId, { limit: 2 });
        assert.deepEqual(listed, found);
        const all = await two.orgs.membersOf(org.id, { limit: 99 });
        assert.deepEqual(
          all.find((each) => each.userId === userId),
          member,
        );
        assert.equal(await one.orgs.setRoles(org.id, userId, ['y', text]), 'changed');
        assert.deepEqual((await two.orgs.getMember(org.id, userId))?.roles, ['y', text]);
      }
    },
  'every look-up of organisations: text that is nearly a name finds and changes nothing': async ({
    one,
    two,
  }) => {
    const name = `~${randomName()}`;
    for (const kept of keptNames(name)) await one.orgs.create(newOrg({ id: kept }), kept);
    for (const other of [...lookalikes(name), '\0', '\uD800'])
      await assertNoOrgUnder(two, other, name);
    for (const kept of keptNames(name)) {
      const membership = await one.orgs.getMember(kept, kept);
      assert.deepEqual([membership?.org.version, membership?.roles], [0, [OWNER_ROLE]]);
      assert.equal(await one.orgs.delete(kept), true);
    }
  },
};
