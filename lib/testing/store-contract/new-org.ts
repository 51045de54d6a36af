import assert from 'node:assert/strict';
import { OWNER_ROLE, type StoredMember, type StoredOrg } from '../../stores/org-store.js';
import type { Store } from '../../stores/store.js';
import { NOW, randomName } from './connections.js';

export type NewOrg = Omit<StoredOrg, 'version'>;

export function newOrg(given: Partial<NewOrg> = {}): NewOrg {
  return { id: randomName(), name: 'Acme GmbH', createdAt: NOW, updatedAt: NOW, ...given };
}

/** An organisation whose owners these are. */
export async function created(store: Store, ownerIds: readonly string[]): Promise<StoredOrg> {
  const org = newOrg();
  const [first = randomName(), ...others] = ownerIds;
  assert.equal(await store.orgs.create(org, first), 'created');
  for (const userId of others)
    assert.equal(
      await store.orgs.addMember({ orgId: org.id, userId, roles: [OWNER_ROLE], joinedAt: NOW }),
      'added',
    );
  return { ...org, version: 0 };
}

export function newMember(orgId: string, given: Partial<StoredMember> = {}): StoredMember {
  return { orgId, userId: randomName(), roles: ['viewer'], joinedAt: NOW + 1, ...given };
}

export async function ownersOf({ orgs }: Store, orgId: string): Promise<readonly string[]> {
  const members = await orgs.membersOf(orgId, { limit: 1000 });
  return members.filter(({ roles }) => roles.includes(OWNER_ROLE)).map(({ userId }) => userId);
}

/** Asserts that the lists of members and of memberships say the same as the look-up of each one. */
export async function assertAgreed({ orgs }: Store, orgId: string, userId: string): Promise<void> {
  const member = await orgs.getMember(orgId, userId);
  const memberships = await orgs.membershipsOf(userId, { limit: 100 });
  assert.deepEqual(
    memberships.filter(({ org }) => org.id === orgId),
    member ? [member] : [],
  );
  const members = await orgs.membersOf(orgId, { limit: 1000 });
  const listed = members.find((each) => each.userId === userId);
  assert.deepEqual(listed?.roles, member?.roles);
}
