import { timingSafeEqual } from 'node:crypto';
import { type Auth, AuthError, type PasswordOptions } from 'latchkey';
import { hashPassword, type UserTable } from './users.js';

/** Copies users with their ids and hashes. Can be run again: who is there already stays as they are. Returns the names that are left out. */
export async function importUsers(users: UserTable, auth: Auth): Promise<readonly string[]> {
  const leftOut: string[] = [];
  for (const { id, username, salt, hashedPassword } of users.all()) {
    const known = await auth.users.findById(String(id));
    if (known) continue;
    const passwordHash = `passport$${salt.toString('base64')}$${hashedPassword.toString('base64')}`;
    await auth.users.create({ id: String(id), username, passwordHash }).catch((error: unknown) => {
      // 'Alice' and 'alice' are two users of the table, and one here.
      if (!(error instanceof AuthError) || error.code !== 'CONFLICT') throw error;
      leftOut.push(username);
    });
  }
  return leftOut;
}

/** Compared with where an account has no such hash, so that the time tells nothing. */
const NOBODY = `passport$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`;

/** `createAuth({ passwords })` for the imported hashes. Each is replaced at its user's first log-in. */
export const passwords: PasswordOptions = {
  async verifyForeign(hash = NOBODY, password) {
    const [kind, salt = '', digest = ''] = hash.split('$');
    if (kind !== 'passport') return undefined;
    const expected = Buffer.from(digest, 'base64');
    const actual = await hashPassword(password, Buffer.from(salt, 'base64'));
    return expected.length === actual.length && timingSafeEqual(actual, expected);
  },
};
