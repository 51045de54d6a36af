import type { AdapterUser } from '@auth/express/adapters';
import type { Auth } from 'latchkey';

/**
 * Copies the users of a database adapter with their ids. Each is linked at the next sign-in, by an address that a trusted provider
 * has verified. Only for addresses that their users have proven: by an e-mail link, or at providers that verify them.
 */
export async function importUsers(users: Iterable<AdapterUser>, auth: Auth): Promise<void> {
  for (const { id, email, name, image } of users) {
    if (await auth.users.findById(id)) continue;
    const attributes = { ...(name && { name }), ...(image && { image }) };
    await auth.users.create({ id, email, emailVerified: true, attributes });
  }
}
