import { change, find, firstOf, type SqlDatabase, type SqlDialect } from './database.js';
import { credentialColumns, toCredential } from './rows.js';
import {
  type CredentialFilter,
  type CredentialStore,
  LASTING_KIND,
  MOST_LISTED_CREDENTIALS,
  type StoredCredential,
} from '../store.js';

const SELECT = `SELECT ${credentialColumns} FROM latchkey_credentials`;

export function credentialStore(database: SqlDatabase, dialect: SqlDialect): CredentialStore {
  return Object.freeze({
    async create({ id, hash, kind, ownerId, resource = null, data, createdAt, expiresAt = null }) {
      await database.query(
        `INSERT INTO latchkey_credentials (id, hash, kind, owner_id, resource, data, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
        [id, hash, kind, ownerId, resource, data, createdAt, expiresAt],
        'change',
      );
    },
    findByHash: (hash) =>
      firstOf(find(database, `${SELECT} WHERE hash = $1`, [hash]), toCredential),
    findById: (id) => firstOf(find(database, `${SELECT} WHERE id = $1`, [id]), toCredential),
    listByOwner: (ownerId, filter) => list(database, ['owner_id', ownerId], filter),
    listByResource: (resource, filter) => list(database, ['resource', resource], filter),
    async update(id, { from, to }) {
      const rows = await change(
        database,
        `UPDATE latchkey_credentials SET data = $3
         WHERE id = $1 AND data = $2 AND revoked_at IS NULL RETURNING id`,
        [id, from, to],
      );
      return rows.length === 1;
    },
    async touch(id, now) {
      await change(
        database,
        `UPDATE latchkey_credentials SET last_used_at = $2
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2) RETURNING id`,
        [id, now],
      );
    },
    async revoke(id, now) {
      const rows = await change(
        database,
        `UPDATE latchkey_credentials SET revoked_at = $2
         WHERE id = $1 AND revoked_at IS NULL RETURNING id`,
        [id, now],
      );
      return rows.length === 1;
    },
    async sweep(before, limit = 1000) {
      const rows = await database.query(sweeping(dialect), [before, limit], 'scan');
      return rows.length;
    },
  } satisfies CredentialStore);
}

async function list(
  database: SqlDatabase,
  [column, value]: readonly ['owner_id' | 'resource', string],
  { kind }: CredentialFilter = {},
): Promise<readonly StoredCredential[]> {
  const ofKind = kind === undefined ? '' : 'AND kind = $2';
  const rows = await find(
    database,
    `SELECT ${credentialColumns} FROM (${SELECT} WHERE ${column} = $1 ${ofKind}
       ORDER BY revoked_at IS NOT NULL, created_at DESC LIMIT ${MOST_LISTED_CREDENTIALS}) AS listed
     ORDER BY created_at DESC`,
    kind === undefined ? [value] : [value, kind],
  );
  return rows.map(toCredential);
}

function sweeping({ rowId, anyOf, skipLocked }: SqlDialect): string {
  // The kind at each end, where the partial indexes have it.
  const ended = ['revoked_at', 'expires_at']
    .map((end) => `(kind <> '${LASTING_KIND}' AND ${end} <= $1)`)
    .join(' OR ');
  return `DELETE FROM latchkey_credentials WHERE ${rowId} ${anyOf(
    `SELECT ${rowId} FROM latchkey_credentials WHERE ${ended} LIMIT $2 ${skipLocked}`,
  )} RETURNING id`;
}
