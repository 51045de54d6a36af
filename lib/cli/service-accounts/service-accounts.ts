import { createServiceAccounts, type ServiceAccounts } from '../../accounts/service-accounts.js';
import { publicServiceAccount, type ServiceAccount } from '../../accounts/stored-accounts.js';
import { type CommandShape, parseArguments, pickCommand } from '../arguments.js';
import { type Desk, openDesk } from '../desk.js';
import { tableOf } from '../output/table.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage-error.js';

const options = {
  store: { type: 'string' },
  org: { type: 'string' },
  name: { type: 'string' },
  scope: { type: 'string', multiple: true },
  role: { type: 'string', multiple: true },
  days: { type: 'string' },
  end: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Given = ReturnType<typeof parse>['values'];

interface Counter {
  readonly accounts: ServiceAccounts;
  readonly print: Desk['print'];
}

interface Command extends CommandShape {
  readonly run: (counter: Counter, given: Given, id: string) => Promise<void>;
}

const ID = 'one client id';

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['add', { run: add, flags: ['store', 'org', 'name', 'scope', 'role', 'days'] }],
  ['list', { run: list, flags: ['store', 'org', 'json'] }],
  ['secret', { run: addSecret, takes: ID, flags: ['store', 'days', 'end'] }],
  ['secrets', { run: listSecrets, takes: ID, flags: ['store'] }],
  ['disable', { run: disable, takes: ID, flags: ['store'] }],
  ['enable', { run: enable, takes: ID, flags: ['store'] }],
  ['remove', { run: remove, takes: ID, flags: ['store'] }],
]);

/** Runs `latchkey service-accounts …`. Needs the store's URL and no other setting. */
export async function serviceAccounts(args: readonly string[], terminal: Terminal): Promise<void> {
  const given = parse(args);
  const { command, argument: id } = pickCommand('service-accounts', commands, given);
  const desk = openDesk(given.values.store ?? terminal.env['AUTH_STORE_URL'], terminal);
  try {
    const counter = { accounts: createServiceAccounts(desk), print: desk.print };
    await command.run(counter, given.values, id);
  } finally {
    await desk.store.close();
  }
}

function parse(args: readonly string[]) {
  return parseArguments(args, options);
}

async function add({ accounts, print }: Counter, given: Given): Promise<void> {
  const { org, name, scope: scopes = [], role: roles = [] } = given;
  if (org === undefined || name === undefined)
    throw new UsageError('service-accounts add needs --org and --name');
  const life = lifeOf(given);
  const account = await accounts.create({ org, name, scopes, roles });
  const { secret } = await accounts.createSecret(account.id, life);
  print(`added ${name}`);
  print(`client id ${account.id}`);
  print(`client secret ${secret}`);
}

const DAY_MS = 86_400_000;
const MOST_DAYS = 3650;

/** When a secret ends that lives for `--days`. */
function lifeOf({ days }: Given): { readonly expiresAt?: number } {
  if (days === undefined) return {};
  const count = /^\d{1,4}$/.test(days) ? Number(days) : 0;
  if (count < 1 || count > MOST_DAYS)
    throw new UsageError(`--days is a number from 1 to ${MOST_DAYS}`);
  return { expiresAt: Date.now() + count * DAY_MS };
}

const HEAD = ['CLIENT ID', 'ORG', 'NAME', 'SCOPES', 'ROLES', 'STATE'];

async function list({ accounts, print }: Counter, { org, json = false }: Given): Promise<void> {
  const found = await accounts.list(org === undefined ? {} : { org });
  if (json) for (const account of found) print(JSON.stringify(publicServiceAccount(account)));
  else if (found.length === 0)
    print(
      'no service accounts; add one with: npx latchkey service-accounts add --org <id> --name <name>',
    );
  else for (const line of tableOf(HEAD, found.map(cellsOf))) print(line);
}

function cellsOf({ id, org, name, scopes, roles, disabled }: ServiceAccount): readonly string[] {
  const listed = [scopes, roles].map((texts) => texts.join(' ') || '-');
  return [id, org, name, ...listed, disabled ? 'disabled' : ''];
}

/** Adds a secret, or ends one with `--end`. */
async function addSecret({ accounts, print }: Counter, given: Given, id: string): Promise<void> {
  await find(accounts, id);
  const { end } = given;
  if (end !== undefined && given.days !== undefined)
    throw new UsageError('service-accounts secret takes --days or --end, not both');
  if (end !== undefined) {
    if (!(await accounts.endSecret(id, end)))
      throw new Error(`${id} has no live secret ${JSON.stringify(end)}`);
    return print(`ended ${end}; tokens that it got before work until they expire`);
  }
  const added = await accounts.createSecret(id, lifeOf(given));
  print(`secret id ${added.id}`);
  print(`client secret ${added.secret}`);
}

const SECRET_HEAD = ['SECRET ID', 'CREATED', 'LAST USED', 'ENDS'];

async function listSecrets({ accounts, print }: Counter, _given: Given, id: string): Promise<void> {
  await find(accounts, id);
  const rows = (await accounts.listSecrets(id)).map((secret) => [
    secret.id,
    ...[secret.createdAt, secret.lastUsedAt, secret.expiresAt].map(timeText),
  ]);
  if (rows.length === 0)
    print(`no secrets; add one with: npx latchkey service-accounts secret ${id}`);
  else for (const line of tableOf(SECRET_HEAD, rows)) print(line);
}

function timeText(time: number | undefined): string {
  return time === undefined ? '-' : new Date(time).toISOString();
}

async function disable({ accounts, print }: Counter, _given: Given, id: string): Promise<void> {
  const { name } = await find(accounts, id);
  await accounts.update(id, { disabled: true });
  print(`disabled ${name}; tokens that it got before work until they expire`);
}

async function enable({ accounts, print }: Counter, _given: Given, id: string): Promise<void> {
  const { name, disabled } = await find(accounts, id);
  await accounts.update(id, { disabled: false });
  print(disabled ? `enabled ${name}` : `${name} was not disabled`);
}

async function remove({ accounts, print }: Counter, _given: Given, id: string): Promise<void> {
  const { name } = await find(accounts, id);
  await accounts.delete(id);
  print(`removed ${name}; tokens that it got before work until they expire`);
}

async function find(accounts: ServiceAccounts, id: string): Promise<ServiceAccount> {
  const account = await accounts.findById(id);
  if (account) return account;
  throw new Error(
    `there is no service account ${JSON.stringify(id)}; npx latchkey service-accounts list shows all of them`,
  );
}
