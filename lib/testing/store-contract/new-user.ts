import assert from 'node:assert/strict';
import type { Store, StoredUser } from '../../stores/store.js';
import { NOW, randomName } from './connections.js';

export type NewUser = Omit<StoredUser, 'version'>;

export function newUser(given: Partial<NewUser> = {}): NewUser {
  const name = randomName().toLowerCase();
  return {
    id: randomName(),
    username: `user-${name}`,
    email: `${name}@example.com`,
    emailVerified: true,
    passwordHash: '$argon2id$…',
    mustResetPassword: false,
    disabled: false,
    roles: ['admin'],
    groups: ['staff', 'night shift'],
    attributes: { region: 'eu', level: 3, lead: true, none: null, list: ['a', 1] },
    orgs: [{ id: 'acme', roles: ['owner'], isDefault: true }],
    createdAt: NOW,
    updatedAt: NOW,
    ...given,
  };
}

export async function created(store: Store, given: Partial<NewUser> = {}): Promise<NewUser> {
  const user = newUser(given);
  assert.equal(await store.users.create(user), 'created');
  return user;
}
