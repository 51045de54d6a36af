import type { OrgMembership } from '../../principal.js';
import type { NewUser } from '../../accounts/users.js';
import { AuthError } from '../../errors.js';
import type { StoredUser } from '../../stores/store.js';
import { UsageError } from '../usage-error.js';
import { type Directory, nameOf, tell } from './directory.js';
import type { Given } from './options.js';

/** Adds a user with a password: one that is generated and printed, or one from standard input. */
export async function add(directory: Directory, given: Given): Promise<void> {
  const { passwords, print, read } = directory;
  const { username, email } = given;
  const own = given['password-stdin'] ? await readLine(read()) : undefined;
  if (own !== undefined) await passwords.checkPolicy(own, { user: { username, email } });
  const password = own ?? passwords.generatePassword();
  const user = await create(directory, {
    ...(username !== undefined && { username }),
    ...(email !== undefined && { email }),
    ...accessOf(given),
    passwordHash: await passwords.hash(password),
    mustResetPassword: given['must-reset'] ?? false,
  });
  print(`added ${nameOf(user)}, id ${user.id}`);
  if (own === undefined) print(`password ${password}`);
}

/** Adds a user who has no password, and signs in with a provider that proves the address. */
export async function invite(directory: Directory, given: Given): Promise<void> {
  const { email } = given;
  if (email === undefined) throw new UsageError('users invite needs --email');
  const facts = { email, emailVerified: true, ...accessOf(given) };
  const user = await create(directory, facts);
  directory.print(`invited ${nameOf(user)}, id ${user.id}`);
}

async function create(directory: Directory, wanted: NewUser): Promise<StoredUser> {
  const user = await directory.users
    .create(wanted)
    .catch((error: unknown) => refuse(directory, wanted, error));
  tell(directory, user, { change: 'created' });
  return user;
}

/** Says of a login that is taken which one it is. */
async function refuse(
  { users }: Directory,
  { username, email }: NewUser,
  error: unknown,
): Promise<never> {
  const isConflict = error instanceof AuthError && error.code === 'CONFLICT';
  const logins = isConflict ? [username, email] : [];
  const others = await Promise.all(logins.map((login) => users.findByLogin(login)));
  const taken = logins.find((_login, at) => others[at] !== undefined);
  throw taken === undefined ? error : new Error(`there is a user ${JSON.stringify(taken)} already`);
}

function accessOf({ role: roles = [], group: groups = [], org: orgs = [] }: Given) {
  return { roles, groups, orgs: orgs.map(readOrg) };
}

/** `acme` or `acme:admin,billing`. The first one is the default. */
function readOrg(text: string, at: number): OrgMembership {
  const [id = '', roles = ''] = text.split(/:(.*)/s);
  if (id === '')
    throw new UsageError(
      '--org is an id, with roles or without: --org acme, or --org acme:admin,billing',
    );
  return { id, roles: roles.split(',').filter((role) => role !== ''), isDefault: at === 0 };
}

/** The first line of standard input. Arguments are visible to every user of the machine. */
async function readLine(input: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of input) text += String(chunk);
  const [line = ''] = text.split(/\r?\n/);
  return line;
}
