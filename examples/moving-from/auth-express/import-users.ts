import type { AdapterAccount, AdapterUser } from '@auth/express/adapters';
import type { Auth } from 'latchkey';

export interface FormerUser {
  readonly user: AdapterUser;
  /** Rows of the table `accounts` with this user's id. */
  readonly accounts: readonly Pick<AdapterAccount, 'provider' | 'providerAccountId'>[];
}

/**
 * Copies the users of a database adapter with their ids, and what they sign in with. `issuers` has the `iss` of each provider, by its name; accounts at
 * others are left out. Can be run again. Only for addresses that their users have proven: by an e-mail link, or at providers that verify them.
 */
export async function importUsers(
  users: Iterable<FormerUser>,
  issuers: Readonly<Record<string, string>>,
  auth: Auth,
): Promise<void> {
  for (const { user, accounts } of users) {
    const { id, email, name, image } = user;
    const attributes = { ...(name && { name }), ...(image && { image }) };
    if (!(await auth.users.findById(id)))
      await auth.users.create({ id, email, emailVerified: true, attributes });
    for (const { provider, providerAccountId: subject } of accounts) {
      const issuer = issuers[provider];
      if (issuer !== undefined) await auth.identities.add(id, { provider, issuer, subject });
    }
  }
}
