import type { Auth, NewUser } from 'latchkey';

const demoUsers: readonly NewUser[] = [
  {
    username: 'alice',
    email: 'alice@example.com',
    roles: ['analyst'],
    orgs: [{ id: 'acme', roles: ['viewer'], isDefault: true }],
  },
  {
    username: 'bob',
    email: 'bob@example.com',
    roles: ['admin'],
    orgs: [
      { id: 'acme', roles: ['admin'], isDefault: true },
      { id: 'globex', roles: ['viewer'], isDefault: false },
    ],
  },
];

/** Adds the users that are missing. Answers the passwords of those it added: they are kept nowhere. */
export async function addDemoUsers({
  users,
  passwords,
}: Auth): Promise<ReadonlyMap<string, string>> {
  const added = new Map<string, string>();
  for (const user of demoUsers) {
    if (user.username === undefined || (await users.findByLogin(user.username))) continue;
    const password = passwords.generatePassword();
    await users.create({ ...user, passwordHash: await passwords.hash(password) });
    added.set(user.username, password);
  }
  return added;
}
