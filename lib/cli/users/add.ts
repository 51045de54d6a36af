import type { OrgMembership } from '../../principal.js';
import { UsageError } from '../usage-error.js';
import { type Directory, nameOf, tell } from './directory.js';
import type { Given } from './options.js';

/** Adds a user with a password: one that is generated and printed, or one from standard input. */
export async function add(directory: Directory, given: Given): Promise<void> {
  const { users, passwords, print, read } = directory;
  const { username, email } = given;
  const own = given['password-stdin'] ? await readLine(read()) : undefined;
  if (own !== undefined) await passwords.checkPolicy(own, { user: { username, email } });
  const password = own ?? passwords.generatePassword();
  const user = await users.create({
    ...(username !== undefined && { username }),
    ...(email !== undefined && { email }),
    ...accessOf(given),
    passwordHash: await passwords.hash(password),
    mustResetPassword: given['must-reset'] ?? false,
  });
  tell(directory, user, { change: 'created' });
  print(`added ${nameOf(user)}, id ${user.id}`);
  if (own === undefined) print(`password ${password}`);
}

/** Adds a user who has no password, and signs in with a provider that proves the address. */
export async function invite(directory: Directory, given: Given): Promise<void> {
  const { email } = given;
  if (email === undefined) throw new UsageError('users invite needs --email');
  const facts = { email, emailVerified: true, ...accessOf(given) };
  const user = await directory.users.create(facts);
  tell(directory, user, { change: 'created' });
  directory.print(`invited ${nameOf(user)}, id ${user.id}`);
}

function accessOf({ role: roles = [], group: groups = [], org: orgs = [] }: Given) {
  return { roles, groups, orgs: orgs.map(readOrg) };
}

/** `acme` or `acme:admin,billing`. The first one is the default. */
function readOrg(text: string, at: number): OrgMembership {
  const [id = '', roles = ''] = text.split(/:(.*)/s);
  return { id, roles: roles.split(',').filter((role) => role !== ''), isDefault: at === 0 };
}

/** The first line of standard input. Arguments are visible to every user of the machine. */
async function readLine(input: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of input) text += String(chunk);
  const [line = ''] = text.split(/\r?\n/);
  return line;
}
