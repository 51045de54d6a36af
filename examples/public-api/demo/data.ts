import type { Auth } from 'latchkey';
import type { Account } from './github-stand-in.js';
import type { Projects } from '../projects.js';

/** Who signs in at the stand-in for GitHub. */
export const demoAccounts: readonly Account[] = [
  { id: 1001, login: 'ada', email: 'ada@example.com' },
  { id: 1002, login: 'grace', email: 'grace@example.com' },
  { id: 1003, login: 'newcomer', email: 'newcomer@example.com' },
];

/** As an application has them that people signed in to before: projects refer to these ids. */
const formerUsers = [
  { id: '17', username: 'ada', email: 'ada@example.com' },
  { id: '18', username: 'grace', email: 'grace@example.com' },
] as const;

/**
 * Brings users along with the ids that they had. Who signs in with GitHub, where the same address is verified, is the same user again
 * (AUTH_GITHUB_TRUST_EMAIL), and `sub` stays what it was.
 */
export async function addDemoData({ users }: Auth, projects: Projects): Promise<void> {
  for (const user of formerUsers)
    if (!(await users.findById(user.id))) await users.create({ ...user, emailVerified: true });

  const [ada, grace] = formerUsers;
  const adas = { ownerId: ada.id, owner: ada.username };
  const graces = { ownerId: grace.id, owner: grace.username };
  projects.add({
    ...adas,
    name: 'Analytical Engine',
    description: 'Programs on punched cards.',
    private: false,
    docs: '# Analytical Engine\n\nFeed the cards in their order.',
    addresses: ['https://engine.example.com'],
  });
  projects.add({
    ...adas,
    name: 'Note G',
    description: 'Bernoulli numbers, not yet published.',
    private: true,
    docs: '# Note G\n\nA draft.',
    addresses: ['https://notes.example.com/g'],
  });
  projects.add({
    ...graces,
    name: 'A-0',
    description: 'Compiles subroutines that are kept on tape.',
    private: false,
    docs: '# A-0\n\nName a subroutine by its number.',
    addresses: ['https://a0.example.com', 'https://a0.example.org'],
  });
}
