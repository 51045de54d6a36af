import { type Auth, AuthError, type StoredUser } from 'latchkey';
import { formerHash } from './former-hashes.js';
import type { UserRow, UserTable } from './users.js';

/** Copies users with their ids and hashes. Can be run again: who is there already stays as they are. Returns the names that are left out. */
export async function importUsers(users: UserTable, auth: Auth): Promise<readonly string[]> {
  const leftOut: string[] = [];
  for (const row of users.all()) if (!(await importUser(row, auth))) leftOut.push(row.username);
  return leftOut;
}

/** Copies one user. Returns the account, or undefined when another has the name: 'Alice' and 'alice' are two users of the table, and one here. */
export async function importUser(row: UserRow, auth: Auth): Promise<StoredUser | undefined> {
  const id = String(row.id);
  const known = await auth.users.findById(id);
  if (known) return known;
  const passwordHash = formerHash('passport', row.salt.toString('base64'), row.hashedPassword);
  try {
    return await auth.users.create({ id, username: row.username, passwordHash });
  } catch (error) {
    if (error instanceof AuthError && error.code === 'CONFLICT') return auth.users.findById(id);
    throw error;
  }
}
