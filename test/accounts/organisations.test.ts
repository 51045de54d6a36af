import { memoryStore } from 'latchkey';
import { expect, it } from 'vitest';
import { createOwnOrganisations } from '../../lib/accounts/own-organisations.js';
import { createUsers } from '../../lib/accounts/users.js';
import { createEvents } from '../../lib/events.js';
import type { OrgStore } from '../../lib/stores/org-store.js';

/** Organisations on a store that cannot compare the roles as it changes them, and one member. */
async function withoutComparison() {
  const { users: userStore, orgs: all, credentials } = memoryStore();
  const orgs: OrgStore = {
    ...all,
    removeMember: (orgId, userId) => all.removeMember(orgId, userId),
  };
  Reflect.deleteProperty(orgs, 'replaceRoles');
  const users = createUsers({ store: userStore, now: Date.now });
  const { organisations } = createOwnOrganisations(
    {
      ...{ store: { orgs, credentials }, users, events: createEvents() },
      ...{ issuer: undefined, now: Date.now },
    },
    {},
  );
  const [owner, bob] = [
    await users.create({ username: 'o' }),
    await users.create({ username: 'b' }),
  ];
  const { id: orgId } = await organisations.create({ name: 'Acme', ownerId: owner.id });
  const key = { orgId, userId: bob.id };
  await organisations.addMember({ ...key, roles: ['editor'] });
  return { organisations, key };
}

it('roles are not changed unconditionally where the store cannot compare them', async () => {
  const { organisations, key } = await withoutComparison();
  const change = organisations.setRoles({ ...key, roles: ['owner'], from: ['viewer'] });
  await expect(change).rejects.toThrow(TypeError);
  await expect(organisations.removeMember({ ...key, from: ['viewer'] })).rejects.toThrow(TypeError);
  expect(await organisations.membershipOf(key)).toMatchObject({ roles: ['editor'] });
});

it('roles are changed without a condition there', async () => {
  const { organisations, key } = await withoutComparison();
  await organisations.setRoles({ ...key, roles: ['viewer'] });
  expect(await organisations.membershipOf(key)).toMatchObject({ roles: ['viewer'] });
  await organisations.removeMember(key);
  expect(await organisations.membershipOf(key)).toBeUndefined();
});
