import { createHash } from 'node:crypto';
import { AuthError } from '../errors.js';
import { isRecord } from '../is-record.js';
import type { CredentialStore, StoredCredential } from '../stores/store.js';
import type { ClientKeySet } from './client-keys.js';

/** A machine that calls for an organisation. */
export interface ServiceAccount {
  /** `client_id`, and `sub` of its access tokens. */
  readonly id: string;
  /** The organisation that it belongs to. Never changes. */
  readonly org: string;
  /** For people. */
  readonly name: string;
  /** Scopes that its tokens may have. */
  readonly scopes: readonly string[];
  /** Its roles in the organisation. */
  readonly roles: readonly string[];
  /** Gets no tokens. */
  readonly disabled: boolean;
  /** Public keys by which it proves itself in place of a secret (`private_key_jwt`). */
  readonly jwks: ClientKeySet | undefined;
  /** Lifetime of its access tokens, in seconds. Undefined: {@link TOKEN_SECONDS}. */
  readonly tokenSeconds: number | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** Lifetime of a service account's tokens where it has none of its own, in seconds. */
export const TOKEN_SECONDS = 300;

/** An account with what only we look at. */
export interface StoredAccount {
  readonly account: ServiceAccount;
  /** Ids of the secrets that count. A secret that is not among them proves nothing. */
  readonly secretIds: readonly string[];
}

export interface AccountContext {
  readonly credentials: CredentialStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** An account is a credential of this kind, which belongs to its organisation. */
const KIND = 'service_account';
/** What all accounts are listed by. */
const RESOURCE = 'service-accounts';

/** Text that no user has as id, and no other organisation as owner. */
function ownerOf(org: string): string {
  return `org:${org}`;
}

export async function storeAccount(
  { credentials }: AccountContext,
  account: ServiceAccount,
): Promise<void> {
  const { id, org, createdAt } = account;
  await credentials.create({
    id,
    // Nothing proves itself by it: a credential needs one, and it has to be unique.
    hash: createHash('sha256').update(`service-account:${id}`).digest('base64url'),
    kind: KIND,
    ownerId: ownerOf(org),
    resource: RESOURCE,
    data: dataOf({ account, secretIds: [] }),
    createdAt,
    expiresAt: undefined,
  });
}

/** The account with this id; undefined for one that was deleted. */
export async function findAccount(
  { credentials }: AccountContext,
  id: string,
): Promise<StoredAccount | undefined> {
  return readAccount(await credentials.findById(id));
}

/** The newest first. Without `org` those of all organisations. */
export async function listAccounts(
  { credentials }: AccountContext,
  org?: string,
): Promise<readonly ServiceAccount[]> {
  const filter = { kind: KIND };
  const rows =
    org === undefined
      ? await credentials.listByResource(RESOURCE, filter)
      : await credentials.listByOwner(ownerOf(org), filter);
  return rows.flatMap((row) => readAccount(row)?.account ?? []);
}

const MOST_TRIES = 10;

/**
 * Changes an account by its latest state; `edit` is asked again after a concurrent change. Rejects with NOT_FOUND (404), and with
 * CONFLICT (409) after ten of them.
 */
export async function changeAccount(
  { credentials }: AccountContext,
  id: string,
  edit: (latest: StoredAccount) => StoredAccount | Promise<StoredAccount>,
): Promise<ServiceAccount> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    // Each try begins with what the one before has found changed.
    // oxlint-disable-next-line no-await-in-loop
    const row = await credentials.findById(id);
    const latest = readAccount(row);
    if (!row || !latest) throw new AuthError('NOT_FOUND');
    // oxlint-disable-next-line no-await-in-loop
    const changed = await edit(latest);
    const to = dataOf(changed);
    // oxlint-disable-next-line no-await-in-loop
    if (to === row.data || (await credentials.update(id, { from: row.data, to })))
      return changed.account;
  }
  throw new AuthError('CONFLICT');
}

function dataOf({ account, secretIds }: StoredAccount): string {
  const { org, name, scopes, roles, disabled, jwks, tokenSeconds } = account;
  return JSON.stringify({ org, name, scopes, roles, disabled, jwks, tokenSeconds, secretIds });
}

/** Undefined for what is no account, or one no more. */
export function readAccount(row: StoredCredential | undefined): StoredAccount | undefined {
  if (!row || row.kind !== KIND || row.revokedAt !== undefined) return undefined;
  const data: unknown = JSON.parse(row.data);
  if (!isRecord(data)) throw new TypeError("a service account's data is not what was stored");
  const { jwks, tokenSeconds } = data;
  return {
    account: {
      id: row.id,
      org: String(data['org']),
      name: String(data['name']),
      scopes: textsOf(data['scopes']),
      roles: textsOf(data['roles']),
      // An account whose data says nothing of it gets no tokens.
      disabled: data['disabled'] !== false,
      jwks: isRecord(jwks) && Array.isArray(jwks['keys']) ? { keys: jwks['keys'] } : undefined,
      tokenSeconds: typeof tokenSeconds === 'number' ? tokenSeconds : undefined,
      createdAt: row.createdAt,
    },
    secretIds: textsOf(data['secretIds']),
  };
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

/** A service account in response bodies. Times are ISO 8601. */
interface PublicServiceAccount {
  readonly id: string;
  readonly org: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly disabled: boolean;
  readonly jwks: ClientKeySet | null;
  readonly token_seconds: number;
  readonly created_at: string;
}

export function publicServiceAccount(account: ServiceAccount): PublicServiceAccount {
  const { id, org, name, scopes, roles, disabled } = account;
  return {
    ...{ id, org, name, scopes, roles, disabled },
    jwks: account.jwks ?? null,
    token_seconds: account.tokenSeconds ?? TOKEN_SECONDS,
    created_at: new Date(account.createdAt).toISOString(),
  };
}
