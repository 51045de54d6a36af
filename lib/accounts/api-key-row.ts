import { isRecord } from '../is-record.js';
import type { StoredCredential } from '../stores/store.js';

/** An API key without its secret. Times are in milliseconds since 1970. */
export interface ApiKey {
  readonly id: string;
  /** What the key begins with, to find it in a configuration: `lk_live_<id>`. Public. */
  readonly prefix: string;
  /** Id of the user, or of the service account, that the key acts for. */
  readonly owner: string;
  readonly name: string;
  /** The most that the key may do. It also takes that its owner has the scope at the time of the request. */
  readonly scopes: readonly string[];
  /** The only resource that the key opens, such as `project:42`. @defaultValue none: every guard that names none */
  readonly resource: string | undefined;
  /** The only organisation that the key is good for. @defaultValue every one of its owner */
  readonly org: string | undefined;
  /** Id of the user who made it. Undefined: code of the application did. */
  readonly createdBy: string | undefined;
  readonly createdAt: number;
  /** Undefined: it works until it is revoked. */
  readonly expiresAt: number | undefined;
  /** At most a minute old. */
  readonly lastUsedAt: number | undefined;
}

/** `kind` of the rows that are keys. */
export const KEY_KIND = 'api_key';

/** What the store keeps of a key beside its own columns. */
export type KeyFacts = Pick<ApiKey, 'name' | 'scopes' | 'org' | 'createdBy'>;

/** Reads what {@link writeFacts} wrote. */
export function readFacts({ data }: Pick<StoredCredential, 'data'>): KeyFacts {
  const facts: unknown = JSON.parse(data);
  if (!isRecord(facts)) throw new TypeError("a key's data is not what was stored");
  const { name, scopes, org, createdBy } = facts;
  return {
    name: String(name),
    scopes: Array.isArray(scopes) ? scopes.map(String) : [],
    // What is no text names no organisation, and must not lift the limit to one.
    org: org === undefined || typeof org === 'string' ? org : '',
    createdBy: typeof createdBy === 'string' ? createdBy : undefined,
  };
}

export function writeFacts({ name, scopes, org, createdBy }: KeyFacts): string {
  return JSON.stringify({ name, scopes, org, createdBy });
}

/** Whether a row is a key that has not been revoked. It may have expired. */
export function isKey({ kind, revokedAt }: StoredCredential): boolean {
  return kind === KEY_KIND && revokedAt === undefined;
}

export function toApiKey(
  row: Omit<StoredCredential, 'revokedAt'>,
  prefixOf: (id: string) => string,
): ApiKey {
  const { id, ownerId, resource, createdAt, expiresAt, lastUsedAt } = row;
  return Object.freeze({
    id,
    prefix: prefixOf(id),
    owner: ownerId,
    ...readFacts(row),
    ...{ resource, createdAt, expiresAt, lastUsedAt },
  });
}
