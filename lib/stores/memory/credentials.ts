import { createGroups } from './groups.js';
import type { CredentialStore, StoredCredential } from '../store.js';

export function memoryCredentials(): CredentialStore {
  const rows = new Map<string, StoredCredential>();
  const idByHash = new Map<string, string>();
  const idsByOwner = createGroups();

  return Object.freeze({
    async create(credential) {
      const { id, hash, ownerId } = credential;
      if (idByHash.has(hash) || rows.has(id))
        throw new Error('a credential with this id or hash exists');
      rows.set(id, { ...structuredClone(credential), lastUsedAt: undefined, revokedAt: undefined });
      idByHash.set(hash, id);
      idsByOwner.add(ownerId, id);
    },
    async findByHash(hash) {
      const id = idByHash.get(hash);
      return id === undefined ? undefined : structuredClone(rows.get(id));
    },
    async listByOwner(ownerId) {
      const own = Array.from(idsByOwner.of(ownerId), (id) => rows.get(id)).filter(
        (row) => row !== undefined,
      );
      return structuredClone(own.toSorted((a, b) => b.createdAt - a.createdAt));
    },
    async touch(id, now) {
      const row = rows.get(id);
      if (row) rows.set(id, { ...row, lastUsedAt: Math.max(now, row.lastUsedAt ?? now) });
    },
    async revoke(id, now) {
      const row = rows.get(id);
      if (!row || row.revokedAt !== undefined) return false;
      rows.set(id, { ...row, revokedAt: now });
      return true;
    },
  } satisfies CredentialStore);
}
