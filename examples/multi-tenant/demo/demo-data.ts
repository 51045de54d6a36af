import type { Auth, NewUser } from 'latchkey';
import type { Invoices } from '../invoices.js';

/** With the ids that the former system's tokens carry as `user_id`. */
const people = [
  { id: '1', username: 'ada', roles: ['admin'] },
  { id: '2', username: 'ben', roles: ['user'] },
  { id: '3', username: 'cleo', roles: ['user'], mustResetPassword: true },
] as const satisfies readonly NewUser[];

const organisations = [
  { id: 'acme', name: 'Acme', ownerId: '1', members: [{ userId: '2', roles: ['editor'] }] },
  { id: 'globex', name: 'Globex', ownerId: '3', members: [{ userId: '2', roles: ['viewer'] }] },
] as const;

const groups = new Map([['1', ['approvers']]]);

/** Stands for a look-up in the application's database. */
export async function groupsOf(userId: string): Promise<readonly string[]> {
  return groups.get(userId) ?? [];
}

export interface DemoSecrets {
  /** User name → password. */
  readonly passwords: ReadonlyMap<string, string>;
  readonly serviceAccount: { readonly id: string; readonly secret: string };
}

/** Adds users, organisations and a service account to a new store. Undefined where they are already: secrets are kept nowhere. */
export async function addDemoAccounts(auth: Auth): Promise<DemoSecrets | undefined> {
  if (await auth.users.findById(people[0].id)) return undefined;
  const passwords = new Map<string, string>();
  for (const person of people) {
    const password = auth.passwords.generatePassword();
    const passwordHash = await auth.passwords.hash(password);
    const email = `${person.username}@example.com`;
    await auth.users.create({ ...person, email, emailVerified: true, passwordHash });
    passwords.set(person.username, password);
  }
  for (const { members, ...organisation } of organisations) {
    const { id: orgId } = await auth.organisations.create(organisation);
    for (const member of members) await auth.organisations.addMember({ orgId, ...member });
  }
  const { id } = await auth.serviceAccounts.create({
    org: 'acme',
    name: 'Nightly export',
    scopes: ['invoices:read'],
  });
  const { secret } = await auth.serviceAccounts.createSecret(id);
  return { passwords, serviceAccount: { id, secret } };
}

export function addDemoInvoices(invoices: Invoices): void {
  invoices.add('acme', { customer: 'Initech', amount: 129_000 });
  invoices.add('acme', { customer: 'Hooli', amount: 45_050 });
  invoices.add('globex', { customer: 'Cyberdyne', amount: 990_000 });
}
