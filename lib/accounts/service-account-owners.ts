import { deepFreeze } from '../claims/frozen.js';
import type { KeyOwner, KeyOwners } from './key-owners.js';
import type { ServiceAccounts } from './service-accounts.js';
import type { ServiceAccount } from './stored-accounts.js';

/** Adds service accounts to the owners of API keys: with scopes, organisation and roles as in an access token of today. */
export function withAccountOwners(
  accounts: Pick<ServiceAccounts, 'findById'>,
  others: KeyOwners,
): KeyOwners {
  return Object.freeze({
    async find(ownerId: string): Promise<KeyOwner | undefined> {
      // Few ids of users look like this, so that a key of a user costs no look at the accounts.
      const account = ownerId.startsWith('sa_') ? await accounts.findById(ownerId) : undefined;
      if (!account) return others.find(ownerId);
      return account.disabled ? undefined : ownerOf(account);
    },
  });
}

function ownerOf({ id, org, roles, scopes }: ServiceAccount): KeyOwner {
  return deepFreeze({
    user: {
      ...{ id, email: undefined, emailVerified: false, username: undefined },
      ...{ roles: [], groups: [], attributes: {} },
    },
    scopes: [...scopes],
    orgs: [{ id: org, roles: [...roles], isDefault: true }],
    clientId: id,
  });
}
