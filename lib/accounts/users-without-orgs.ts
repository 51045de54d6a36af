import { reusableError } from '../errors.js';
import type { StoredUser, UserStore } from '../stores/store.js';

/**
 * The same users where organisations are kept apart from them: `orgs` of their rows are not shown, since nothing looks at them, and
 * giving some is INVALID_REQUEST (400), since they would have no effect.
 */
export function usersWithoutOrgs(store: UserStore): UserStore {
  return Object.freeze({
    findByLogin: async (login) => blank(await store.findByLogin(login)),
    findById: async (id) => blank(await store.findById(id)),
    async create(user) {
      refuseOrgs(user);
      return store.create(user);
    },
    async update(id, change) {
      refuseOrgs(change.set);
      const outcome = await store.update(id, change);
      return typeof outcome === 'object' ? { ...outcome, orgs: [] } : outcome;
    },
    async list(page) {
      const users = await store.list(page);
      return users.map((user) => ({ ...user, orgs: [] }));
    },
    delete: (id) => store.delete(id),
  } satisfies UserStore);
}

function blank(user: StoredUser | undefined): StoredUser | undefined {
  return user && { ...user, orgs: [] };
}

function refuseOrgs({ orgs = [] }: Partial<Pick<StoredUser, 'orgs'>>): void {
  if (orgs.length > 0) throw keptApart;
}

const keptApart = reusableError('INVALID_REQUEST', {
  reason: 'user_orgs',
  errors: [
    {
      pointer: '#/orgs',
      detail:
        'is not looked at with AUTH_ORGANISATIONS; add the user as a member of the organisation',
    },
  ],
});
