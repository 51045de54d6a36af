import type { OrgMembership } from '../../principal.js';
import type { StoredUser } from '../../stores/store.js';
import { endKeysOf } from '../../accounts/api-keys.js';
import { unlink } from '../../accounts/identities.js';
import { publicUser } from '../../accounts/users.js';
import { type CommandShape, parseArguments, pickCommand } from '../arguments.js';
import { type Desk, endSessions, find, nameOf, openDesk } from '../desk.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage-error.js';
import { endAllSessions, listIdentities, listSessions, removeIdentity } from './access.js';
import { userTable } from './table.js';

const options = {
  store: { type: 'string' },
  username: { type: 'string' },
  email: { type: 'string' },
  role: { type: 'string', multiple: true },
  add: { type: 'string', multiple: true },
  remove: { type: 'string', multiple: true },
  group: { type: 'string', multiple: true },
  org: { type: 'string', multiple: true },
  provider: { type: 'string' },
  'must-reset': { type: 'boolean' },
  'password-stdin': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

type Given = ReturnType<typeof parse>['values'];

interface Command extends CommandShape {
  readonly run: (desk: Desk, given: Given, login: string) => Promise<void>;
}

const LOGIN = 'one login: a user name or e-mail address';

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    'add',
    {
      run: add,
      flags: ['store', 'username', 'email', 'role', 'group', 'org', 'must-reset', 'password-stdin'],
    },
  ],
  ['list', { run: list, flags: ['store', 'json'] }],
  ['roles', { run: changeRoles, takes: LOGIN, flags: ['store', 'add', 'remove'] }],
  ['disable', { run: disable, takes: LOGIN, flags: ['store'] }],
  ['enable', { run: enable, takes: LOGIN, flags: ['store'] }],
  ['reset', { run: reset, takes: LOGIN, flags: ['store'] }],
  ['invite', { run: invite, flags: ['store', 'email', 'role', 'group', 'org'] }],
  ['sessions', { run: listSessions, takes: LOGIN, flags: ['store'] }],
  ['end-sessions', { run: endAllSessions, takes: LOGIN, flags: ['store'] }],
  ['identities', { run: listIdentities, takes: LOGIN, flags: ['store'] }],
  ['unlink', { run: removeIdentity, takes: LOGIN, flags: ['store', 'provider'] }],
]);

/** Runs `latchkey users …`. Needs the store's URL and no other setting. */
export async function users(args: readonly string[], terminal: Terminal): Promise<void> {
  const given = parse(args);
  const { command, argument: login } = pickCommand('users', commands, given);
  const desk = openDesk(given.values.store ?? terminal.env['AUTH_STORE_URL'], terminal);
  try {
    await command.run(desk, given.values, login);
  } finally {
    await desk.store.close();
  }
}

function parse(args: readonly string[]) {
  return parseArguments(args, options);
}

async function add(desk: Desk, given: Given): Promise<void> {
  const { username, email, role: roles = [], group: groups = [], org: orgs = [] } = given;
  const own = given['password-stdin'] ? await readLine(desk.read()) : undefined;
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
  desk.print(`added ${nameOf(user)}, id ${user.id}`);
  if (own === undefined) desk.print(`password ${password}`);
}

/** Adds somebody who has no password, and signs in with a provider that proves the address. */
async function invite(desk: Desk, given: Given): Promise<void> {
  const { email, role: roles = [], group: groups = [], org: orgs = [] } = given;
  if (email === undefined) throw new UsageError('users invite needs --email');
  const facts = { email, emailVerified: true, roles, groups, orgs: orgs.map(readOrg) };
  const user = await desk.users.create(facts);
  desk.print(`invited ${nameOf(user)}, id ${user.id}`);
}

/** `acme` or `acme:admin,billing`. The first one is the default. */
function readOrg(text: string, at: number): OrgMembership {
  const [id = '', roles = ''] = text.split(/:(.*)/s);
  return { id, roles: roles.split(',').filter((role) => role !== ''), isDefault: at === 0 };
}

async function list({ users: all, print }: Desk, { json = false }: Given): Promise<void> {
  const limit = 100;
  let after: string | undefined;
  for (;;) {
    // One page after the other: the next one begins where this one ends.
    // oxlint-disable-next-line no-await-in-loop
    const page = await all.list({ limit, ...(after !== undefined && { after }) });
    if (json) for (const user of page) print(JSON.stringify(publicUser(user)));
    else for (const line of tableOf(page, after === undefined)) print(line);
    after = page.at(-1)?.id;
    if (page.length < limit) return;
  }
}

/** Without a head on later pages. */
function tableOf(page: readonly StoredUser[], isFirst: boolean): readonly string[] {
  if (page.length > 0) return userTable(page).slice(isFirst ? 0 : 1);
  return isFirst ? ['no users; add one with: npx latchkey users add --username <name>'] : [];
}

async function changeRoles(desk: Desk, given: Given, login: string): Promise<void> {
  const { add: added = [], remove: removed = [] } = given;
  const both = added.find((role) => removed.includes(role));
  if (both !== undefined)
    throw new UsageError(`users roles cannot both --add and --remove ${both}`);
  const before = await find(desk, login);
  const absent = removed.find((role) => !before.roles.includes(role));
  if (absent !== undefined)
    throw new Error(`${nameOf(before)} has no role ${JSON.stringify(absent)}; ${rolesOf(before)}`);
  if (added.length + removed.length === 0)
    return desk.print(`${nameOf(before)}: ${rolesOf(before)}`);
  const user = await desk.users.update(before.id, ({ roles }) => ({
    roles: [...new Set([...roles, ...added])].filter((role) => !removed.includes(role)),
  }));
  desk.print(`${nameOf(user)}: ${rolesOf(user)}`);
  desk.print('access tokens that were issued before keep the former roles until they expire');
}

function rolesOf({ roles }: StoredUser): string {
  return roles.length > 0 ? `roles ${roles.join(', ')}` : 'no roles';
}

async function disable(desk: Desk, _given: Given, login: string): Promise<void> {
  const user = await find(desk, login);
  await desk.users.update(user.id, { disabled: true });
  const ended = await endSessions(desk, user, 'user_disabled');
  desk.print(`disabled ${nameOf(user)}; ${ended}`);
}

async function enable(desk: Desk, _given: Given, login: string): Promise<void> {
  const user = await find(desk, login);
  await desk.users.update(user.id, { disabled: false });
  desk.print(
    user.disabled
      ? `enabled ${nameOf(user)}; sessions that had ended stay ended`
      : `${nameOf(user)} was not disabled`,
  );
}

async function reset(desk: Desk, _given: Given, login: string): Promise<void> {
  const user = await find(desk, login);
  const password = desk.passwords.generatePassword();
  const passwordHash = await desk.passwords.hash(password);
  await desk.users.update(user.id, { passwordHash, mustResetPassword: true });
  // Before the sessions end, and again afterwards: an intruder may have linked an identity or made an API key, or be about to.
  const before = await unlink(desk, user.id, 'all');
  const keys = (await endKeysOf(desk, user.id)).length;
  const ended = await endSessions(desk, user, 'password_admin_reset');
  const after = await unlink(desk, user.id, 'all');
  const allKeys = keys + (await endKeysOf(desk, user.id)).length;
  desk.print(`reset ${nameOf(user)}; ${ended}`);
  if (allKeys > 0) desk.print(`ended ${allKeys} API ${allKeys === 1 ? 'key' : 'keys'}`);
  for (const { provider } of [...before, ...after]) desk.print(`removed ${provider}`);
  desk.print(`password ${password}`);
}

/** The first line of standard input. Arguments are visible to every user of the machine. */
async function readLine(input: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of input) text += String(chunk);
  const [line = ''] = text.split(/\r?\n/);
  return line;
}
