import { memoryCredentials } from './credentials.js';
import { memoryOnce } from './once.js';
import { memoryOrgs } from './orgs.js';
import { memorySessions } from './sessions.js';
import { memoryUsers } from './users.js';
import { keepTextExact } from '../storable-text.js';
import type { InstanceStore, Store } from '../store.js';

/**
 * Keeps everything in this process and loses it with it: for tests and for trying things out. Every step runs
 * without a pause, so that each is atomic by itself.
 *
 * @example
 * ```ts
 * const auth = createAuth({ store: memoryStore() });
 * ```
 */
export function memoryStore(): Store {
  return keepTextExact({
    sessions: memorySessions(),
    once: memoryOnce(),
    users: memoryUsers(),
    credentials: memoryCredentials(),
    orgs: memoryOrgs(),
    instances: memoryInstances(),
    ping: async () => undefined,
    close: async () => undefined,
  });
}

function memoryInstances(): InstanceStore {
  const reports = new Map<string, { readonly data: string; readonly at: number }>();
  return Object.freeze({
    async report({ id, data }, maxAgeMs) {
      const now = performance.now();
      reports.set(id, { data, at: now });
      for (const [other, { at }] of reports) if (now - at > maxAgeMs) reports.delete(other);
      return [...reports].map(([other, { data: told, at }]) => ({
        id: other,
        data: told,
        ageMs: now - at,
      }));
    },
    async leave(id) {
      reports.delete(id);
    },
  } satisfies InstanceStore);
}
