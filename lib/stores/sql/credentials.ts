import { change, find, firstOf, type SqlDatabase } from './database.js';
import { credentialColumns, toCredential } from './rows.js';
import type { CredentialStore } from '../store.js';

export function credentialStore(database: SqlDatabase): CredentialStore {
  return Object.freeze({
    async create({ id, hash, kind, ownerId, data, createdAt, expiresAt = null }) {
      await database.query(
        `INSERT INTO latchkey_credentials (id, hash, kind, owner_id, data, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
        [id, hash, kind, ownerId, data, createdAt, expiresAt],
        'change',
      );
    },
    findByHash: (hash) =>
      firstOf(
        find(database, `SELECT ${credentialColumns} FROM latchkey_credentials WHERE hash = $1`, [
          hash,
        ]),
        toCredential,
      ),
    async listByOwner(ownerId) {
      const rows = await find(
        database,
        `SELECT ${credentialColumns} FROM latchkey_credentials WHERE owner_id = $1 ORDER BY created_at DESC`,
        [ownerId],
      );
      return rows.map(toCredential);
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
  } satisfies CredentialStore);
}
