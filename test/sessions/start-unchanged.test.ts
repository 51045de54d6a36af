import { createAuth, memoryStore, openStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../lib/stores/store.js';
import { addUser, BASE } from '../world/auth-server.js';
import { sharedStores } from '../world/every-store.js';

const notes = {
  amr: ['pwd'],
  authTime: 1_800_000_000,
  acr: undefined,
  device: undefined,
  delivery: 'body',
} as const;

async function signedUp(store: Store, username: string) {
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000', store });
  return { auth, user: await addUser({ auth }, { username }) };
}

const changes: {
  readonly title: string;
  readonly change: (
    users: Awaited<ReturnType<typeof signedUp>>['auth']['users'],
    id: string,
  ) => unknown;
}[] = [
  { title: 'changed', change: (users, id) => users.update(id, { roles: ['admin'] }) },
  { title: 'disabled', change: (users, id) => users.update(id, { disabled: true }) },
  { title: 'deleted', change: (users, id) => users.delete(id) },
];

const places = [
  {
    name: 'memory',
    isMissing: false,
    open: memoryStore,
    create: async () => undefined,
    drop: async () => undefined,
  },
  ...(await sharedStores(14)).map((place) => ({ ...place, open: () => openStore(place.url) })),
];

describe.each(places)('on $name', ({ isMissing, open, create, drop, name }) => {
  describe.skipIf(isMissing)('a session for a user as they were read', () => {
    let store: Store;
    beforeAll(async () => {
      await create();
      store = open();
    });
    afterAll(async () => {
      await store.close();
      await drop();
    });

    it('begins while the user is the same', async () => {
      const { auth, user } = await signedUp(store, `same-${name}`);
      const live = await auth.sessions.startUnchanged(user, notes);
      expect(live?.user).toEqual(user);
      expect(await auth.sessions.recognise(live?.refreshToken)).toMatchObject({ notes });
    });

    it.each(changes)('does not begin for one who was $title', async ({ title, change }) => {
      const { auth, user } = await signedUp(store, `${title}-${name}`);
      await change(auth.users, user.id);
      expect(await auth.sessions.startUnchanged(user, notes)).toBeUndefined();
      expect(await auth.sessions.list(user.id)).toEqual([]);
    });

    it('looks at the users of the application, where it brings its own', async () => {
      const { users } = memoryStore();
      const auth = createAuth({
        ...BASE,
        publicUrl: 'http://localhost:3000',
        store,
        userStore: users,
      });
      const user = await addUser({ auth }, { username: `own-${name}` });
      expect(await auth.sessions.startUnchanged(user, notes)).toMatchObject({ user });
      await auth.users.update(user.id, { disabled: true });
      expect(await auth.sessions.startUnchanged(user, notes)).toBeUndefined();
    });
  });
});
