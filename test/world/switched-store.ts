import { randomBytes } from 'node:crypto';
import { memoryStore, type RevocationPage, type Store } from 'latchkey';

export interface SwitchedStore {
  readonly store: Store;
  /** Asked for before each page of revocations; a rejection is the store's. */
  onPage: (asked: { readonly time: number; readonly page: RevocationPage }) => Promise<void> | void;
  /** The same for a look at one session. */
  onGet: (id: string) => Promise<void> | void;
}

/** A store that fails, or waits, where a test wants it to. */
export function switchedStore(inner: Store = memoryStore()): SwitchedStore {
  const { sessions } = inner;
  const switched: SwitchedStore = {
    onPage: () => undefined,
    onGet: () => undefined,
    store: {
      ...inner,
      sessions: {
        ...sessions,
        async revokedSince(time, page = {}) {
          await switched.onPage({ time, page });
          return sessions.revokedSince(time, page);
        },
        async get(id) {
          await switched.onGet(id);
          return sessions.get(id);
        },
      },
    },
  };
  return switched;
}

/** Adds live sessions of one user; their ids. */
export async function addSessions(
  store: Pick<Store, 'sessions'>,
  { count, now, userId = 'ann' }: { count: number; now: number; userId?: string },
): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, () => randomBytes(16).toString('base64url'));
  for (let at = 0; at < count; at += 100)
    await Promise.all(
      ids.slice(at, at + 100).map((id) =>
        store.sessions.create({
          id,
          userId,
          kid: 'k',
          salt: 's',
          generation: 0,
          rotatedAt: now,
          createdAt: now,
          lastUsedAt: now,
          idleExpiresAt: now + 3_600_000,
          expiresAt: now + 3_600_000,
          provider: undefined,
          data: '{}',
        }),
      ),
    );
  return ids;
}
