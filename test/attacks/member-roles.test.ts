import { memoryStore, type Store } from 'latchkey';
import { expect, it } from 'vitest';
import { serveOrgApp } from '../world/org-app.js';

/** A store that lets something happen between the look at a member and the change that is decided by it. */
function storeWithMeantime() {
  const store = memoryStore();
  let meantime: (() => Promise<unknown>) | undefined;
  const orgs: Store['orgs'] = {
    ...store.orgs,
    async getMember(orgId, userId) {
      const member = await store.orgs.getMember(orgId, userId);
      const happens = userId === watched ? meantime : undefined;
      if (happens) meantime = undefined;
      await happens?.();
      return member;
    },
  };
  let watched = '';
  const afterTheLookAt = (userId: string, happens: () => Promise<unknown>): void => {
    watched = userId;
    meantime = happens;
  };
  return { store: { ...store, orgs }, orgs: store.orgs, afterTheLookAt };
}

async function world() {
  const { store, orgs, afterTheLookAt } = storeWithMeantime();
  const { auth, person, events } = await serveOrgApp({ store });
  const [owner, admin, bob] = [await person('owner'), await person('admin'), await person('bob')];
  const { id: orgId } = await auth.organisations.create({ name: 'Acme', ownerId: owner.user.id });
  const userId = bob.user.id;
  await auth.organisations.addMember({ orgId, userId: admin.user.id, roles: ['admin'] });
  await auth.organisations.addMember({ orgId, userId, roles: ['viewer'] });
  const rolesOfBob = async () => (await orgs.getMember(orgId, userId))?.roles;
  const meanwhile = (happens: () => Promise<unknown>) => afterTheLookAt(userId, happens);
  const place = `/orgs/${orgId}/members/${userId}`;
  return { auth, owner, admin, bob, orgs, orgId, userId, place, events, rolesOfBob, meanwhile };
}

it.each([
  { title: 'change', method: 'PATCH', body: { roles: ['editor'] } },
  { title: 'remove', method: 'DELETE', body: undefined },
])('an admin does not $title a member whom an owner makes an owner meanwhile', async (given) => {
  const { admin, orgs, orgId, userId, place, meanwhile, rolesOfBob, events } = await world();
  meanwhile(() => orgs.setRoles(orgId, userId, ['owner']));
  const answer = await admin.call(`${given.method} ${place}`, given.body);
  expect(answer).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
  expect(await rolesOfBob()).toEqual(['owner']);
  expect(events.map(({ name }) => name)).not.toContain('org.member_changed');
  expect(events.map(({ name }) => name)).not.toContain('org.member_removed');
  const again = await admin.call(`${given.method} ${place}`, given.body);
  expect(again).toMatchObject({ status: 403, body: { code: 'INSUFFICIENT_ROLE' } });
});

it('of two owners who change a member at once, one is told of the conflict', async () => {
  const { owner, orgs, orgId, userId, place, meanwhile, rolesOfBob } = await world();
  meanwhile(() => orgs.setRoles(orgId, userId, ['billing']));
  const answer = await owner.call(`PATCH ${place}`, { roles: ['editor'] });
  expect(answer).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
  expect(await rolesOfBob()).toEqual(['billing']);
  expect(await owner.call(`PATCH ${place}`, { roles: ['editor'] })).toMatchObject({ status: 200 });
});

it('a member leaves whatever roles come meanwhile', async () => {
  const { bob, orgs, orgId, userId, place, meanwhile, rolesOfBob } = await world();
  meanwhile(() => orgs.setRoles(orgId, userId, ['billing']));
  expect((await bob.call(`DELETE ${place}`)).status).toBe(204);
  expect(await rolesOfBob()).toBeUndefined();
});

it('a store that was written before there was such an operation is asked first', async () => {
  const { store, orgs } = storeWithMeantime();
  const older: Store['orgs'] = {
    ...store.orgs,
    removeMember: (orgId, userId) => store.orgs.removeMember(orgId, userId),
  };
  Reflect.deleteProperty(older, 'replaceRoles');
  const { auth, person } = await serveOrgApp({ store: { ...store, orgs: older } });
  const [owner, bob] = [await person('owner'), await person('bob')];
  const { id: orgId } = await auth.organisations.create({ name: 'Acme', ownerId: owner.user.id });
  const key = { orgId, userId: bob.user.id };
  await auth.organisations.addMember({ ...key, roles: ['viewer'] });
  await auth.organisations.setRoles({ ...key, roles: ['editor'], from: ['viewer'] });
  const late = auth.organisations.setRoles({ ...key, roles: ['billing'], from: ['viewer'] });
  await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
  const lateEnd = auth.organisations.removeMember({ ...key, from: ['viewer'] });
  await expect(lateEnd).rejects.toMatchObject({ code: 'CONFLICT' });
  expect((await orgs.getMember(orgId, bob.user.id))?.roles).toEqual(['editor']);
  await auth.organisations.removeMember({ ...key, from: ['editor'] });
  expect(await orgs.getMember(orgId, bob.user.id)).toBeUndefined();
});
