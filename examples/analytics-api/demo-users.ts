import type { Auth, NewUser } from 'latchkey';

export interface DemoUser {
  readonly username: string;
  readonly password: string;
  readonly sees: string;
}

const demoUsers: readonly (NewUser & { readonly username: string; readonly sees: string })[] = [
  { username: 'ada', attributes: { region: 'eu' }, sees: 'region eu, masked' },
  {
    username: 'uma',
    attributes: { region: ['us', 'apac'] },
    roles: ['finance'],
    sees: 'regions us and apac, with amounts and margins',
  },
  {
    username: 'root',
    roles: ['admin'],
    groups: ['stewards'],
    sees: 'every row, with amounts and customers',
  },
  {
    username: 'eve',
    attributes: { region: 'eu' },
    roles: ['finance'],
    groups: ['stewards'],
    sees: 'region eu, with everything',
  },
  { username: 'nina', sees: 'no row: she has no region' },
];

/** Adds users with passwords of their own, for a store that is empty. */
export function addDemoUsers({ users, passwords }: Auth): Promise<readonly DemoUser[]> {
  return Promise.all(
    demoUsers.map(async ({ sees, ...user }) => {
      const password = passwords.generatePassword();
      const email = `${user.username}@example.com`;
      await users.create({ ...user, email, passwordHash: await passwords.hash(password) });
      return { username: user.username, password, sees };
    }),
  );
}
