import { AuthError } from '../errors.js';
import type { AuthEvents, RequestFacts } from '../events/auth-events.js';
import type { EventSink } from '../events.js';
import type { CredentialStore, StoredCredential } from '../stores/store.js';
import { type ApiKeyFormat, digestOfKey } from './api-key-format.js';
import { type ApiKey, isKey, KEY_KIND, toApiKey, writeFacts } from './api-key-row.js';
import {
  type ApiKeyOptions,
  checkApiKeyOptions,
  flawsOf,
  type NewApiKey,
} from './api-key-rules.js';
import type { KeyOwners } from './key-owners.js';

/** A key that was made just now. */
export interface CreatedApiKey extends ApiKey {
  /** The key itself: secret, and nowhere else. Only its digest is stored. */
  readonly key: string;
}

/** What the event says of a revocation, beside the key. */
export interface KeyRevocation extends RequestFacts {
  /** Why it happened. @defaultValue `'code'` */
  readonly by?: AuthEvents['api_key.revoked']['by'];
}

/**
 * API keys of users and service accounts: long-lived credentials for programs, sent as `X-API-Key`. A key says who calls, and
 * what of its owner's rights it may use. Every method may reject with STORE_UNAVAILABLE (503).
 */
export interface ApiKeys {
  /**
   * Makes a key. Its `key` is secret and can't be had again. Doesn't ask `mayCreate`: code may make keys for every resource. Rejects
   * with NOT_FOUND (404) for an owner who is gone or disabled, INVALID_REQUEST (400), whose `errors` name each invalid
   * member, and CONFLICT (409) past `maxPerOwner`.
   *
   * @example
   * const { key, id } = await auth.apiKeys.create({
   *   owner: user.id,
   *   name: 'nightly build',
   *   resource: 'project:42',
   *   expiresInSeconds: 90 * 86_400,
   * });
   */
  create(key: NewApiKey, request?: RequestFacts): Promise<CreatedApiKey>;
  /**
   * The keys of an owner, or those that open a resource, the newest first. Expired ones are among them until they are revoked.
   *
   * @example
   * const keys = await auth.apiKeys.list({ resource: 'project:42' });
   */
  list(of: { readonly owner: string } | { readonly resource: string }): Promise<readonly ApiKey[]>;
  /** The key with this id; undefined for one that was revoked or never was. */
  find(id: string): Promise<ApiKey | undefined>;
  /**
   * Ends a key: at once on this instance, on others within `revocationLagSeconds`. Returns whether this call did it.
   *
   * @example
   * await auth.apiKeys.revoke(id);
   */
  revoke(id: string, revocation?: KeyRevocation): Promise<boolean>;
  /** Ends all keys of an owner, as a reset of their password does. Returns how many this call has ended. */
  revokeAll(owner: string, revocation?: KeyRevocation): Promise<number>;
}

interface ApiKeysContext {
  readonly format: ApiKeyFormat;
  readonly credentials: CredentialStore;
  readonly owners: KeyOwners;
  readonly events: EventSink;
  /** Told which key is refused from now on, by its digest. */
  readonly onRevoked: (digest: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const ONLY_KEYS = { kind: KEY_KIND };

/** Throws a TypeError for options that cannot be. */
export function createApiKeys(context: ApiKeysContext, options: ApiKeyOptions = {}): ApiKeys {
  const { format, credentials, events, onRevoked, now } = context;
  const bounds = checkApiKeyOptions(options);
  const present = (row: StoredCredential): ApiKey => toApiKey(row, format.prefixOf);

  function report({ id: keyId, ownerId: owner }: StoredCredential, of: KeyRevocation): void {
    const { by = 'code', requestId, ip } = of;
    events.emit('api_key.revoked', { keyId, owner, by, requestId, ip });
  }

  return Object.freeze({
    async create(wanted: NewApiKey, request: RequestFacts = {}): Promise<CreatedApiKey> {
      const created = await createKey(context, bounds, wanted);
      const { id: keyId, owner, createdBy: by } = created;
      const { requestId, ip } = request;
      events.emit('api_key.created', { keyId, owner, by, requestId, ip });
      return created;
    },
    async list(of: Parameters<ApiKeys['list']>[0]): Promise<readonly ApiKey[]> {
      const rows =
        'owner' in of
          ? await credentials.listByOwner(of.owner, ONLY_KEYS)
          : await credentials.listByResource(of.resource, ONLY_KEYS);
      return rows.filter(isKey).map(present);
    },
    async find(id: string): Promise<ApiKey | undefined> {
      const row = await credentials.findById(id);
      return row && isKey(row) ? present(row) : undefined;
    },
    async revoke(id: string, revocation: KeyRevocation = {}): Promise<boolean> {
      const row = await credentials.findById(id);
      if (row?.kind !== KEY_KIND) return false;
      const isFirst = await credentials.revoke(id, now());
      // Also where another instance was first, whose news is on its way.
      onRevoked(row.hash);
      if (isFirst) report(row, revocation);
      return isFirst;
    },
    async revokeAll(owner: string, revocation: KeyRevocation = {}): Promise<number> {
      const ended = await endKeysOf(context, owner);
      for (const row of ended) {
        onRevoked(row.hash);
        report(row, revocation);
      }
      return ended.length;
    },
  } satisfies ApiKeys);
}

async function createKey(
  { format, credentials, owners, now }: ApiKeysContext,
  { maxPerOwner, maxLifeSeconds }: ReturnType<typeof checkApiKeyOptions>,
  wanted: NewApiKey,
): Promise<CreatedApiKey> {
  const owner = await owners.find(wanted.owner);
  if (!owner) throw new AuthError('NOT_FOUND');
  const errors = flawsOf(wanted, owner, maxLifeSeconds);
  if (errors.length > 0) throw new AuthError('INVALID_REQUEST', { reason: 'api_key', errors });
  const others = await credentials.listByOwner(wanted.owner, ONLY_KEYS);
  if (others.filter(isKey).length >= maxPerOwner)
    throw new AuthError('CONFLICT', {
      reason: 'too_many_keys',
      detail: 'There are as many API keys as an account may have. Delete one first.',
    });
  const { id, key } = format.create();
  const { name, scopes = [], resource, org, createdBy } = wanted;
  const life = wanted.expiresInSeconds ?? maxLifeSeconds;
  const createdAt = now();
  const row = {
    ...{ id, hash: digestOfKey(key), kind: KEY_KIND, ownerId: wanted.owner, resource, createdAt },
    data: writeFacts({ name, scopes: [...new Set(scopes)], org, createdBy }),
    expiresAt: life === undefined ? undefined : createdAt + life * 1000,
  };
  await credentials.create(row);
  return { key, ...toApiKey({ ...row, lastUsedAt: undefined }, format.prefixOf) };
}

/** Ends all keys of an owner, and returns those that this call has ended. Tells no one: see {@link ApiKeys.revokeAll}. */
export async function endKeysOf(
  { credentials, now }: Pick<ApiKeysContext, 'credentials' | 'now'>,
  owner: string,
): Promise<readonly StoredCredential[]> {
  const rows = (await credentials.listByOwner(owner, ONLY_KEYS)).filter(isKey);
  const ended = await Promise.all(rows.map(({ id }) => credentials.revoke(id, now())));
  return rows.filter((_row, at) => ended[at]);
}
