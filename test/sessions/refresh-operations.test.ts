import { memoryStore, openStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store, UserStore } from '../../lib/stores/store.js';
import { abilitiesOf } from '../../lib/stores/wrap-store.js';
import { serveAuth } from '../world/auth-server.js';
import { sharedStores } from '../world/every-store.js';
import { createUnsteadyStore } from '../world/unsteady-store.js';

const notes = {
  amr: ['pwd'],
  authTime: undefined,
  acr: undefined,
  device: undefined,
  delivery: 'body',
} as const;

/** What an instance does by itself, at moments of its own. */
const BACKGROUND = /^(?:instances\.|sessions\.(?:revokedSince|sweep)|once\.(?:sweep|add|del))/;

/** The operations of one refresh over HTTP. */
async function operationsOf(store: Store, userStore?: UserStore): Promise<readonly string[]> {
  const { store: recorded, operations } = createUnsteadyStore(store, {
    now: Date.now,
    reportedAt: new Map(),
  });
  const { auth, post } = await serveAuth({ store: recorded, ...(userStore && { userStore }) });
  const user = await auth.users.create({ username: `${userStore ? 'own' : 'user'}-${Date.now()}` });
  const { refreshToken } = await auth.sessions.start(user, notes);
  operations.length = 0;
  const answer = await post('/api/auth/refresh', { refresh_token: refreshToken });
  expect(answer.status).toBe(200);
  await auth.close();
  return operations.filter((operation) => !BACKGROUND.test(operation));
}

const places = [
  {
    name: 'memory',
    isMissing: false,
    open: memoryStore,
    create: async () => undefined,
    drop: async () => undefined,
  },
  ...(await sharedStores(10)).map((place) => ({ ...place, open: () => openStore(place.url) })),
];

describe.each(places)('on $name', ({ isMissing, open, create, drop }) => {
  describe.skipIf(isMissing)('a refresh', () => {
    let store: Store;
    beforeAll(async () => {
      await create();
      store = open();
    });
    afterAll(async () => {
      await store.close();
      await drop();
    });

    it('counts, reads session and user on one connection, and rotates last', async () => {
      const { together, joined } = abilitiesOf(store);
      expect(await operationsOf(store)).toEqual([
        'once.incr',
        ...(together ? ['together'] : []),
        'sessions.get',
        ...(joined ? [] : ['users.findById']),
        'sessions.rotate',
      ]);
    });

    it('reads the user of the application, where it has its own table, before it rotates', async () => {
      const { users } = memoryStore();
      const read: string[] = [];
      const own: UserStore = {
        ...users,
        findById: (id) => (read.push(id), users.findById(id)),
      };
      const operations = await operationsOf(store, own);
      expect(operations.slice(-2)).toEqual(['sessions.get', 'sessions.rotate']);
      expect(operations).not.toContain('users.findById');
      expect(read).toHaveLength(1);
    });
  });
});
