/** The ids that belong together under a key. */
export interface Groups {
  add(key: string, id: string): void;
  remove(key: string, id: string): void;
  of(key: string): Iterable<string>;
}

export function createGroups(): Groups {
  const groups = new Map<string, Set<string>>();
  return {
    add(key, id) {
      const group = groups.get(key);
      if (group) group.add(id);
      else groups.set(key, new Set([id]));
    },
    remove(key, id) {
      const group = groups.get(key);
      group?.delete(id);
      if (group?.size === 0) groups.delete(key);
    },
    of: (key) => groups.get(key) ?? [],
  };
}
