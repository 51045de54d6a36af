import { createEndings } from './endings.js';
import { createGroups } from './groups.js';
import { listedCredentials } from '../listed-credentials.js';
import { type CredentialStore, LASTING_KIND, type StoredCredential } from '../store.js';

interface Table {
  readonly byId: (id: string) => StoredCredential | undefined;
  readonly byHash: (hash: string) => StoredCredential | undefined;
  readonly ofOwner: (ownerId: string) => readonly StoredCredential[];
  readonly ofResource: (resource: string) => readonly StoredCredential[];
  readonly put: (row: StoredCredential) => void;
  /** Deletes the one that ended first, if it did by then. Undefined: there is none. */
  readonly deleteEnded: (before: number) => 'deleted' | 'kept' | undefined;
}

export function memoryCredentials(): CredentialStore {
  const table = createTable();

  return Object.freeze({
    async create(credential) {
      const { id, hash, resource } = credential;
      if (table.byHash(hash) || table.byId(id))
        throw new Error('a credential with this id or hash exists');
      const unused = { lastUsedAt: undefined, revokedAt: undefined };
      table.put({ ...structuredClone(credential), resource, ...unused });
    },
    findByHash: async (hash) => structuredClone(table.byHash(hash)),
    findById: async (id) => structuredClone(table.byId(id)),
    listByOwner: async (ownerId, filter) =>
      structuredClone(listedCredentials(table.ofOwner(ownerId), filter)),
    listByResource: async (resource, filter) =>
      structuredClone(listedCredentials(table.ofResource(resource), filter)),
    async update(id, { from, to }) {
      const row = table.byId(id);
      if (!row || row.revokedAt !== undefined || row.data !== from) return false;
      table.put({ ...row, data: to });
      return true;
    },
    async touch(id, now) {
      const row = table.byId(id);
      if (row) table.put({ ...row, lastUsedAt: Math.max(now, row.lastUsedAt ?? now) });
    },
    async revoke(id, now) {
      const row = table.byId(id);
      if (!row || row.revokedAt !== undefined) return false;
      table.put({ ...row, revokedAt: now });
      return true;
    },
    async sweep(before, limit = 1000) {
      let swept = 0;
      while (swept < limit) {
        const outcome = table.deleteEnded(before);
        if (!outcome) break;
        if (outcome === 'deleted') swept += 1;
      }
      return swept;
    },
  } satisfies CredentialStore);
}

function createTable(): Table {
  const rows = new Map<string, StoredCredential>();
  const idByHash = new Map<string, string>();
  const idsByOwner = createGroups();
  const idsByResource = createGroups();
  const endings = createEndings();
  const all = (ids: Iterable<string>): readonly StoredCredential[] =>
    Array.from(ids, (id) => rows.get(id)).filter((row) => row !== undefined);

  return {
    byId: (id) => rows.get(id),
    byHash(hash) {
      const id = idByHash.get(hash);
      return id === undefined ? undefined : rows.get(id);
    },
    ofOwner: (ownerId) => all(idsByOwner.of(ownerId)),
    ofResource: (resource) => all(idsByResource.of(resource)),
    put(row) {
      const { id, hash, ownerId, resource } = row;
      const end = endOf(row);
      if (end < Infinity && end !== endOf(rows.get(id))) endings.add(id, end);
      rows.set(id, row);
      idByHash.set(hash, id);
      idsByOwner.add(ownerId, id);
      if (resource !== undefined) idsByResource.add(resource, id);
    },
    deleteEnded(before) {
      const id = endings.take(before);
      if (id === undefined) return undefined;
      const row = rows.get(id);
      // One that was revoked before it expired has two endings.
      if (!row || endOf(row) > before) return 'kept';
      rows.delete(id);
      idByHash.delete(row.hash);
      idsByOwner.remove(row.ownerId, id);
      if (row.resource !== undefined) idsByResource.remove(row.resource, id);
      return 'deleted';
    },
  };
}

/** Infinity for one that is never swept. */
function endOf(row: StoredCredential | undefined): number {
  if (!row || row.kind === LASTING_KIND) return Infinity;
  return Math.min(row.expiresAt ?? Infinity, row.revokedAt ?? Infinity);
}
