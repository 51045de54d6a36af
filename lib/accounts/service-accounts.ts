import { AuthError, type FieldError } from '../errors.js';
import { isScopeToken } from '../errors/challenges.js';
import { randomDigits } from '../secrets/checksummed-secret.js';
import type { CredentialStore } from '../stores/store.js';
import { type ClientKeySet, readClientKeys } from './client-keys.js';
import {
  addSecret,
  type ClientSecret,
  endSecret,
  listSecrets,
  type NewClientSecret,
} from './client-secrets.js';
import {
  type AccountContext,
  changeAccount,
  findAccount,
  listAccounts,
  type ServiceAccount,
  storeAccount,
} from './stored-accounts.js';
import { isName, isShortList, LIST_RULE } from './users.js';

/** What of an account can change. A member that is there replaces the old value, also with undefined. */
export interface ServiceAccountChange {
  /** For people: 1 to 256 characters. */
  readonly name?: string;
  /** Scopes that its tokens may have, up to 100; not `users:admin`. @defaultValue none */
  readonly scopes?: readonly string[];
  /** Its roles in the organisation, up to 100. @defaultValue none */
  readonly roles?: readonly string[];
  /** Gets no tokens. @defaultValue `false` */
  readonly disabled?: boolean;
  /** A JWK Set with 1 to 10 public keys, by which it proves itself in place of a secret. @defaultValue none */
  readonly jwks?: ClientKeySet | undefined;
  /** Lifetime of its access tokens, in seconds: 30 to AUTH_ACCESS_TTL. @defaultValue `300` */
  readonly tokenSeconds?: number | undefined;
}

/** An account to be added. */
export interface NewServiceAccount extends ServiceAccountChange {
  /** The organisation that it belongs to. */
  readonly org: string;
  readonly name: string;
}

/**
 * Service accounts: machines that call for an organisation. Their tokens come from `POST /token`. Every method may reject with
 * STORE_UNAVAILABLE (503).
 */
export interface ServiceAccounts {
  /**
   * Adds an account, which has no secret yet. Rejects with INVALID_REQUEST (400), whose `errors` name each invalid member.
   *
   * @example
   * const account = await auth.serviceAccounts.create({ org: 'acme', name: 'Nightly export', scopes: ['invoices:read'] });
   * const { secret } = await auth.serviceAccounts.createSecret(account.id);
   */
  create(account: NewServiceAccount): Promise<ServiceAccount>;
  findById(id: string): Promise<ServiceAccount | undefined>;
  /** Up to 1000 accounts, the newest first: those of one organisation, or all. */
  list(filter?: { readonly org?: string }): Promise<readonly ServiceAccount[]>;
  /**
   * Changes the given members; the others stay. Counts from the next token on. Rejects with NOT_FOUND (404), INVALID_REQUEST (400),
   * and CONFLICT (409) after ten concurrent changes.
   *
   * @example
   * await auth.serviceAccounts.update(account.id, { disabled: true });
   */
  update(id: string, change: ServiceAccountChange): Promise<ServiceAccount>;
  /** Deletes an account for good, with its secrets. Returns whether there was one. */
  delete(id: string): Promise<boolean>;
  /**
   * Adds a secret, which is shown this once. At most two live at a time, so that one can be replaced while both work. Rejects with
   * NOT_FOUND (404), and CONFLICT (409) for a third one. `expiresAt` in milliseconds since 1970; without it, it never ends by itself.
   *
   * @example
   * const fresh = await auth.serviceAccounts.createSecret(account.id, { expiresAt: Date.now() + 90 * 86_400_000 });
   */
  createSecret(
    accountId: string,
    options?: { readonly expiresAt?: number },
  ): Promise<NewClientSecret>;
  /** The live secrets of an account, the newest first. Rejects with NOT_FOUND (404). */
  listSecrets(accountId: string): Promise<readonly ClientSecret[]>;
  /** Ends a secret at once. Returns whether it lived. */
  endSecret(accountId: string, secretId: string): Promise<boolean>;
}

export interface ServiceAccountsContext {
  readonly credentials: CredentialStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Longest lifetime of an access token, in seconds. @defaultValue a day */
  readonly accessTtlSeconds?: number;
  /** Whether there is such an organisation. @defaultValue any text may name one */
  readonly orgExists?: ((org: string) => Promise<boolean>) | undefined;
}

export function createServiceAccounts(given: ServiceAccountsContext): ServiceAccounts {
  const context: AccountContext = given;
  const { credentials, now, orgExists, accessTtlSeconds = 86_400 } = given;
  return Object.freeze({
    async create(wanted: NewServiceAccount): Promise<ServiceAccount> {
      const account = judged({ ...blankAccount(now()), ...wanted }, accessTtlSeconds);
      if (orgExists && !(await orgExists(account.org)))
        throw invalid([flaw('org', 'is no organisation')]);
      await storeAccount(context, account);
      return account;
    },
    async findById(id: string): Promise<ServiceAccount | undefined> {
      return (await findAccount(context, id))?.account;
    },
    list: ({ org }: { readonly org?: string } = {}) => listAccounts(context, org),
    update: (id: string, change: ServiceAccountChange) =>
      changeAccount(context, id, ({ account, secretIds }) => ({
        account: judged(
          { ...account, ...change, id: account.id, org: account.org, createdAt: account.createdAt },
          // One that was longer before AUTH_ACCESS_TTL became shorter may stay: tokens end in time all the same.
          change.tokenSeconds === undefined ? Infinity : accessTtlSeconds,
        ),
        secretIds,
      })),
    async delete(id: string): Promise<boolean> {
      const found = await findAccount(context, id);
      const wasThere = found !== undefined && (await credentials.revoke(id, now()));
      // None of them counts without its account. They are ended so that the store can forget them.
      for (const secretId of found?.secretIds ?? []) await credentials.revoke(secretId, now());
      return wasThere;
    },
    createSecret: (accountId: string, { expiresAt }: { readonly expiresAt?: number } = {}) =>
      addSecret(context, accountId, expiresAt),
    listSecrets: (accountId: string) => listSecrets(context, accountId),
    endSecret: (accountId: string, secretId: string) => endSecret(context, accountId, secretId),
  });
}

/** Deletes all accounts of an organisation, so that none of them serves another one that gets its id. */
export async function deleteAccountsOf(
  accounts: Pick<ServiceAccounts, 'list' | 'delete'>,
  org: string,
): Promise<void> {
  const page = await accounts.list({ org });
  // One after the other: a store refuses work that comes a thousandfold.
  // oxlint-disable-next-line no-await-in-loop
  for (const { id } of page) await accounts.delete(id);
  if (page.length > 0) await deleteAccountsOf(accounts, org);
}

function blankAccount(now: number): Omit<ServiceAccount, 'org' | 'name'> {
  return {
    // 130 random bits. The name tells it from the id of a user.
    id: `sa_${randomDigits(22)}`,
    scopes: [],
    roles: [],
    disabled: false,
    jwks: undefined,
    tokenSeconds: undefined,
    createdAt: now,
  };
}

/** Our own routes for administrators are for users. */
const RESERVED_SCOPE = 'users:admin';
const MOST_SCOPES = 100;
const MAX_SCOPE_LENGTH = 128;
const MIN_TOKEN_SECONDS = 30;

/** The account as it is kept. Throws INVALID_REQUEST (400) with everything that is wrong. */
function judged(account: ServiceAccount, accessTtlSeconds: number): ServiceAccount {
  const { id, org, name, scopes, roles, disabled, tokenSeconds, createdAt } = account;
  const jwks = account.jwks === undefined ? undefined : readClientKeys(account.jwks);
  const errors: FieldError[] = [];
  if (!isName(org)) errors.push(flaw('org', TEXT_RULE));
  if (!isName(name)) errors.push(flaw('name', TEXT_RULE));
  if (!areScopes(scopes))
    errors.push(
      flaw('scopes', `is a list of up to ${MOST_SCOPES} scopes, without ${RESERVED_SCOPE}`),
    );
  if (!isShortList(roles)) errors.push(flaw('roles', LIST_RULE));
  if (typeof jwks === 'string') errors.push(flaw('jwks', jwks));
  if (tokenSeconds !== undefined && !isWholeWithin(tokenSeconds, accessTtlSeconds))
    errors.push(
      flaw('token_seconds', `is a whole number from ${MIN_TOKEN_SECONDS} to ${accessTtlSeconds}`),
    );
  if (errors.length > 0 || typeof jwks === 'string') throw invalid(errors);
  return {
    ...{ id, org, name, disabled, jwks, tokenSeconds, createdAt },
    scopes: [...new Set(scopes)],
    roles: [...new Set(roles)],
  };
}

const TEXT_RULE = 'is text of 1 to 256 characters, none of them a control character';

function areScopes(scopes: readonly string[]): boolean {
  return (
    scopes.length <= MOST_SCOPES &&
    !scopes.includes(RESERVED_SCOPE) &&
    scopes.every((scope) => scope.length <= MAX_SCOPE_LENGTH && isScopeToken(scope))
  );
}

function isWholeWithin(seconds: number, most: number): boolean {
  return Number.isInteger(seconds) && seconds >= MIN_TOKEN_SECONDS && seconds <= most;
}

function flaw(name: string, detail: string): FieldError {
  return { pointer: `#/${name}`, detail };
}

function invalid(errors: readonly FieldError[]): AuthError {
  return new AuthError('INVALID_REQUEST', { reason: 'service_account', errors });
}
