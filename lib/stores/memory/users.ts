import type { StoredUser, UserStore } from '../store.js';

export function memoryUsers(): UserStore {
  const rows = new Map<string, StoredUser>();
  const idByUsername = new Map<string, string>();
  const idByEmail = new Map<string, string>();
  /** Undefined after a user was added, until the next list. */
  let orderedIds: readonly string[] | undefined;

  function isTaken({ id, username, email }: Omit<StoredUser, 'version'>): boolean {
    const owners = [
      username !== undefined && idByUsername.get(username),
      email !== undefined && idByEmail.get(email),
    ];
    return owners.some((owner) => typeof owner === 'string' && owner !== id);
  }

  function put(user: StoredUser): void {
    forgetLogins(rows.get(user.id));
    rows.set(user.id, user);
    if (user.username !== undefined) idByUsername.set(user.username, user.id);
    if (user.email !== undefined) idByEmail.set(user.email, user.id);
  }

  function forgetLogins(user: StoredUser | undefined): void {
    if (user?.username !== undefined) idByUsername.delete(user.username);
    if (user?.email !== undefined) idByEmail.delete(user.email);
  }

  return Object.freeze({
    async findByLogin(login) {
      const id = idByUsername.get(login) ?? idByEmail.get(login);
      return id === undefined ? undefined : structuredClone(rows.get(id));
    },
    async findById(id) {
      return structuredClone(rows.get(id));
    },
    async create(user) {
      if (rows.has(user.id) || isTaken(user)) return 'taken';
      put({ ...structuredClone(user), version: 0 });
      orderedIds = undefined;
      return 'created';
    },
    async update(id, { version, now, set }) {
      const row = rows.get(id);
      if (!row || row.version !== version) return 'stale';
      const changed = { ...row, ...structuredClone(set), updatedAt: now, version: version + 1 };
      if (isTaken(changed)) return 'taken';
      put(changed);
      return structuredClone(changed);
    },
    async list({ after, limit }) {
      // By code unit, as strings are sorted unless told otherwise.
      // oxlint-disable-next-line typescript/require-array-sort-compare
      orderedIds ??= [...rows.keys()].toSorted();
      const page: StoredUser[] = [];
      for (let at = placeAfter(orderedIds, after); at < orderedIds.length; at += 1) {
        if (page.length >= limit) break;
        const row = rows.get(orderedIds[at] ?? '');
        if (row) page.push(row);
      }
      return structuredClone(page);
    },
    async delete(id) {
      forgetLogins(rows.get(id));
      return rows.delete(id);
    },
  } satisfies UserStore);
}

/** Where the first id stands that is greater. */
function placeAfter(ids: readonly string[], after: string | undefined): number {
  let [from, to] = [0, after === undefined ? 0 : ids.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ids[middle] ?? '') > (after ?? '')) to = middle;
    else from = middle + 1;
  }
  return from;
}
