import { deepFreeze } from '../claims/frozen.js';
import type { KeyOwner, KeyOwners } from './key-owners.js';
import type { ServiceAccounts } from './service-accounts.js';
import type { ServiceAccount } from './stored-accounts.js';

export interface CallingAccountsContext {
  readonly accounts: Pick<ServiceAccounts, 'findById'>;
  /** Whether there is such an organisation. @defaultValue any text may name one */
  readonly orgExists?: ((org: string) => Promise<boolean>) | undefined;
}

/** Adds service accounts to the owners of API keys: with scopes, organisation and roles as in an access token of today. */
export function withAccountOwners(context: CallingAccountsContext, others: KeyOwners): KeyOwners {
  return Object.freeze({
    async find(ownerId: string): Promise<KeyOwner | undefined> {
      // Few ids of users look like this, so that a key of a user costs no look at the accounts.
      const isAccount = ownerId.startsWith('sa_');
      const account = isAccount ? await context.accounts.findById(ownerId) : undefined;
      if (!account) return others.find(ownerId);
      return (await mayCall(context, account)) ? ownerOf(account) : undefined;
    },
  });
}

/** Whether the account with this id could get a token now. */
export async function isAccountLive(context: CallingAccountsContext, id: string): Promise<boolean> {
  const account = await context.accounts.findById(id);
  return account !== undefined && mayCall(context, account);
}

async function mayCall(
  { orgExists }: CallingAccountsContext,
  { disabled, org }: ServiceAccount,
): Promise<boolean> {
  return !disabled && (await orgExists?.(org)) !== false;
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
