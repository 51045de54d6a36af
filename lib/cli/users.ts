import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { createEvents } from '../events.js';
import type { OrgMembership } from '../principal.js';
import { createPasswords, type Passwords } from '../accounts/passwords/passwords.js';
import { openStore } from '../stores/open-store.js';
import { steadyStore } from '../stores/steady-store.js';
import type { Store, StoredUser } from '../stores/store.js';
import { createUsers, publicUser, type Users } from '../accounts/users.js';
import { UsageError } from './usage-error.js';

/** What the commands work with. */
interface Desk {
  readonly store: Store;
  readonly users: Users;
  readonly passwords: Passwords;
}

const options = {
  store: { type: 'string' },
  username: { type: 'string' },
  email: { type: 'string' },
  role: { type: 'string', multiple: true },
  group: { type: 'string', multiple: true },
  org: { type: 'string', multiple: true },
  'must-reset': { type: 'boolean' },
  'password-stdin': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

type Given = ReturnType<typeof parse>['values'];

type Command = (desk: Desk, given: Given, login: string) => Promise<void>;

const commands: ReadonlyMap<
  string,
  { run: Command; takesLogin: boolean; flags: readonly string[] }
> = new Map([
  [
    'add',
    {
      run: add,
      takesLogin: false,
      flags: ['username', 'email', 'role', 'group', 'org', 'must-reset', 'password-stdin'],
    },
  ],
  ['list', { run: list, takesLogin: false, flags: ['json'] }],
  ['disable', { run: disable, takesLogin: true, flags: [] }],
  ['reset', { run: reset, takesLogin: true, flags: [] }],
]);

/** `latchkey users …`: works on the store alone, so that nothing else has to be configured. */
export async function users(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const [name = '', login = '', ...more] = positionals;
  const command = commands.get(name);
  if (!command) throw new UsageError(`there is no command users ${name}`.trim());
  if (command.takesLogin !== (login !== '') || more.length > 0)
    throw new UsageError(`users ${name} takes ${command.takesLogin ? 'one login' : 'no login'}`);
  const stray = Object.keys(values).find((flag) => ![...command.flags, 'store'].includes(flag));
  if (stray !== undefined) throw new UsageError(`users ${name} has no --${stray}`);
  const desk = openDesk(values.store ?? process.env['AUTH_STORE_URL']);
  try {
    await command.run(desk, values, login);
  } finally {
    await desk.store.close();
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'cannot be read');
  }
}

function openDesk(url: string | undefined): Desk {
  if (url === undefined) throw new UsageError('no store: give --store or AUTH_STORE_URL');
  if (url.startsWith('memory:'))
    throw new UsageError('memory: ends with the process; there is nothing in it to work on');
  const events = createEvents();
  const store = steadyStore(openStore(url), { events });
  return {
    store,
    users: createUsers({ store: store.users, now: Date.now }),
    passwords: createPasswords({}, { events, cores: availableParallelism() }),
  };
}

async function add(desk: Desk, given: Given): Promise<void> {
  const { username, email, role: roles = [], group: groups = [], org: orgs = [] } = given;
  const own = given['password-stdin'] ? await readLine() : undefined;
  if (own !== undefined) await desk.passwords.checkPolicy(own, { user: { username, email } });
  const password = own ?? desk.passwords.generatePassword();
  const user = await desk.users.create({
    ...(username !== undefined && { username }),
    ...(email !== undefined && { email }),
    roles,
    groups,
    orgs: orgs.map(readOrg),
    passwordHash: await desk.passwords.hash(password),
    mustResetPassword: given['must-reset'] ?? false,
  });
  print(`added ${nameOf(user)}, id ${user.id}`);
  if (own === undefined) print(`password ${password}`);
}

/** `acme` or `acme:admin,billing`. The first one is the default. */
function readOrg(text: string, at: number): OrgMembership {
  const [id = '', roles = ''] = text.split(/:(.*)/s);
  return { id, roles: roles.split(',').filter((role) => role !== ''), isDefault: at === 0 };
}

async function list({ users: all }: Desk, { json = false }: Given): Promise<void> {
  const limit = 100;
  let after: string | undefined;
  for (;;) {
    // A page after the other: the next one begins where this one ends.
    // oxlint-disable-next-line no-await-in-loop
    const page = await all.list({ limit, ...(after !== undefined && { after }) });
    for (const user of page) print(json ? JSON.stringify(publicUser(user)) : lineOf(user));
    after = page.at(-1)?.id;
    if (page.length < limit) return;
  }
}

function lineOf(user: StoredUser): string {
  const marks = [
    user.disabled ? 'disabled' : '',
    user.mustResetPassword ? 'must reset password' : '',
    user.passwordHash === undefined ? 'no password' : '',
  ].filter((mark) => mark !== '');
  const roles = user.roles.length > 0 ? `roles ${user.roles.join(', ')}` : 'no roles';
  return [user.id, user.username ?? '-', user.email ?? '-', roles, ...marks].join('  ');
}

async function disable(desk: Desk, _given: Given, login: string): Promise<void> {
  const user = await find(desk, login);
  await desk.users.update(user.id, { disabled: true });
  const ended = await endSessions(desk, user, 'user_disabled');
  print(`disabled ${nameOf(user)}; ${ended}`);
}

async function reset(desk: Desk, _given: Given, login: string): Promise<void> {
  const user = await find(desk, login);
  const password = desk.passwords.generatePassword();
  const passwordHash = await desk.passwords.hash(password);
  await desk.users.update(user.id, { passwordHash, mustResetPassword: true });
  const ended = await endSessions(desk, user, 'password_admin_reset');
  print(`reset ${nameOf(user)}; ${ended}`);
  print(`password ${password}`);
}

async function find({ users: all }: Desk, login: string): Promise<StoredUser> {
  const user = await all.findByLogin(login);
  if (user) return user;
  throw new Error(`nobody signs in as ${JSON.stringify(login)}`);
}

async function endSessions({ store }: Desk, user: StoredUser, reason: string): Promise<string> {
  const ids = await store.sessions.revoke({ userId: user.id }, { now: Date.now(), reason });
  return ids.length === 1 ? '1 session ended' : `${ids.length} sessions ended`;
}

function nameOf({ username, email, id }: StoredUser): string {
  return username ?? email ?? id;
}

/** The first line of standard input: on the command line everybody on the machine could read it. */
async function readLine(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
  const [line = ''] = text.split(/\r?\n/);
  return line;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
