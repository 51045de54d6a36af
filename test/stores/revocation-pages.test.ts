import { memoryStore, openStore, type Store } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { sharedStores } from '../world/every-store.js';
import { addSessions } from '../world/switched-store.js';

const NOW = Date.now();
const LIMIT = 100;

const memory = {
  name: 'memory',
  isMissing: false,
  create: async () => undefined,
  drop: async () => undefined,
};
const stores = [
  { ...memory, open: () => memoryStore() },
  ...(await sharedStores(7)).map((place) => ({ ...place, open: () => openStore(place.url) })),
];

async function revoke(store: Store, { count, now }: { count: number; now: number }) {
  const userId = `user ${now}`;
  const ids = await addSessions(store, { count, now: NOW, userId });
  await store.sessions.revoke({ userId }, { now, reason: 'test' });
  return ids;
}

describe.each(stores)('on $name', ({ isMissing, create, drop, open }) => {
  beforeAll(create);
  afterAll(drop);

  it.skipIf(isMissing)(
    'a page of revocations that is not full is the last one, also where the clock of one instance is ahead',
    async () => {
      const store = open();
      onTestFinished(() => store.close());
      // So many that they are everywhere, wherever a store keeps them.
      const ahead = await revoke(store, { count: 60, now: NOW + 20_000 });
      await revoke(store, { count: 100, now: NOW });
      const after = await revoke(store, { count: 60, now: NOW + 25_000 });
      const read: string[] = [];
      let page = await store.sessions.revokedSince(NOW + 10_000, { limit: LIMIT });
      while (page.length === LIMIT) {
        read.push(...page.map(({ id }) => id));
        // oxlint-disable-next-line no-await-in-loop
        page = await store.sessions.revokedSince(NOW + 10_000, {
          after: page.at(-1)?.position,
          limit: LIMIT,
        });
      }
      read.push(...page.map(({ id }) => id));
      expect(read).toEqual(expect.arrayContaining([...ahead, ...after]));
    },
  );
});
