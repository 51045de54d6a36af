import { createServiceAccounts, type ServiceAccounts } from '../../accounts/service-accounts.js';
import { publicServiceAccount, type ServiceAccount } from '../../accounts/stored-accounts.js';
import type { AuthEvents } from '../../events/auth-events.js';
import type { GivenOf } from '../arguments.js';
import type { OpenedStore } from '../opened-store.js';
import { tableOf } from '../output/table.js';
import { UsageError } from '../usage-error.js';

export const options = {
  store: { type: 'string' },
  org: { type: 'string' },
  name: { type: 'string' },
  scope: { type: 'string', multiple: true },
  role: { type: 'string', multiple: true },
  days: { type: 'string' },
  end: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export type Given = GivenOf<typeof options>;

/** The service accounts of a store, and what changes them. */
export interface Accounts extends OpenedStore {
  readonly accounts: ServiceAccounts;
}

export function openAccounts(opened: OpenedStore): Accounts {
  const { store, now } = opened;
  const accounts = createServiceAccounts({ credentials: store.credentials, now });
  return { ...opened, accounts };
}

export async function add(opened: Accounts, given: Given): Promise<void> {
  const { accounts, now, print } = opened;
  const { org, name, scope: scopes = [], role: roles = [] } = given;
  if (org === undefined || name === undefined)
    throw new UsageError('service-accounts add needs --org and --name');
  const life = lifeOf(given, now());
  const { id } = await accounts.create({ org, name, scopes, roles });
  tell(opened, id, { change: 'created' });
  const { secret } = await accounts.createSecret(id, life);
  tell(opened, id, { change: 'secret_added' });
  print(`added ${name}`);
  print(`client id ${id}`);
  print(`client secret ${secret}`);
}

const DAY_MS = 86_400_000;
const MOST_DAYS = 3650;

/** When a secret ends that lives for `--days`. */
function lifeOf({ days }: Given, now: number): { readonly expiresAt?: number } {
  if (days === undefined) return {};
  const count = /^\d{1,4}$/.test(days) ? Number(days) : 0;
  if (count < 1 || count > MOST_DAYS)
    throw new UsageError(`--days is a number from 1 to ${MOST_DAYS}`);
  return { expiresAt: now + count * DAY_MS };
}

const HEAD = ['CLIENT ID', 'ORG', 'NAME', 'SCOPES', 'ROLES', 'STATE'];

export async function list({ accounts, site, print, hint }: Accounts, given: Given): Promise<void> {
  const { org, json = false } = given;
  const found = await accounts.list(org === undefined ? {} : { org });
  if (json) for (const account of found) print(JSON.stringify(publicServiceAccount(account)));
  else if (found.length > 0) for (const line of tableOf(HEAD, found.map(cellsOf))) print(line);
  else
    print(
      `no service accounts${org === undefined ? '' : ` of ${JSON.stringify(org)}`} in ${site}; add one with: ${hint('service-accounts add --org <id> --name <name>')}`,
    );
}

function cellsOf({ id, org, name, scopes, roles, disabled }: ServiceAccount): readonly string[] {
  const listed = [scopes, roles].map((texts) => texts.join(' ') || '-');
  return [id, org, name, ...listed, disabled ? 'disabled' : ''];
}

/** Adds a secret, or ends one with `--end`. */
export async function changeSecret(opened: Accounts, given: Given, id: string): Promise<void> {
  const { accounts, now, print } = opened;
  const { end, days } = given;
  if (end !== undefined && days !== undefined)
    throw new UsageError('service-accounts secret takes --days or --end, not both');
  const life = lifeOf(given, now());
  await find(opened, id);
  if (end === undefined) {
    const added = await accounts.createSecret(id, life);
    tell(opened, id, { change: 'secret_added' });
    print(`secret id ${added.id}`);
    print(`client secret ${added.secret}`);
    return;
  }
  if (!(await accounts.endSecret(id, end)))
    throw new Error(
      `${id} has no live secret ${JSON.stringify(end)}; ${opened.hint(`service-accounts secrets ${id}`)} shows them`,
    );
  tell(opened, id, { change: 'secret_ended' });
  print(`ended ${end}; tokens that it got before work until they expire`);
}

const SECRET_HEAD = ['SECRET ID', 'CREATED', 'LAST USED', 'ENDS'];

export async function listSecrets(opened: Accounts, _given: Given, id: string): Promise<void> {
  const { accounts, print, hint } = opened;
  await find(opened, id);
  const rows = (await accounts.listSecrets(id)).map((secret) => [
    secret.id,
    ...[secret.createdAt, secret.lastUsedAt, secret.expiresAt].map(timeText),
  ]);
  if (rows.length === 0)
    print(`no secrets; add one with: ${hint(`service-accounts secret ${id}`)}`);
  else for (const line of tableOf(SECRET_HEAD, rows)) print(line);
}

function timeText(time: number | undefined): string {
  return time === undefined ? '-' : new Date(time).toISOString();
}

export async function disable(opened: Accounts, _given: Given, id: string): Promise<void> {
  const { name } = await find(opened, id);
  await opened.accounts.update(id, { disabled: true });
  tell(opened, id, { change: 'disabled', fields: ['disabled'] });
  opened.print(`disabled ${name}; tokens that it got before work until they expire`);
}

export async function enable(opened: Accounts, _given: Given, id: string): Promise<void> {
  const { name, disabled } = await find(opened, id);
  if (!disabled) return opened.print(`${name} was not disabled`);
  await opened.accounts.update(id, { disabled: false });
  tell(opened, id, { change: 'enabled', fields: ['disabled'] });
  opened.print(`enabled ${name}`);
}

export async function remove(opened: Accounts, _given: Given, id: string): Promise<void> {
  const { name } = await find(opened, id);
  await opened.accounts.delete(id);
  tell(opened, id, { change: 'deleted' });
  opened.print(`removed ${name}; tokens that it got before work until they expire`);
}

async function find({ accounts, hint }: Accounts, id: string): Promise<ServiceAccount> {
  const account = await accounts.findById(id);
  if (account) return account;
  throw new Error(
    `there is no service account ${JSON.stringify(id)}; ${hint('service-accounts list')} shows all of them`,
  );
}

/** Tells of a change, as the routes for administrators do. Who made it is known to the operating system alone. */
function tell(
  { events }: Accounts,
  accountId: string,
  change: Pick<AuthEvents['service_account.changed'], 'change' | 'fields'>,
): void {
  events.emit('service_account.changed', { accountId, by: undefined, ...change });
}
