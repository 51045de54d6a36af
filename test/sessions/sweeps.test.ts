import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { openStore, type Store } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { scheduleSweeps, type SweepPace } from '../../lib/sessions/schedule-sweeps.js';
import { memoryStore } from '../../lib/stores/memory/memory.js';
import { sharedStores } from '../world/every-store.js';
import { addSessions } from '../world/switched-store.js';
import { PATIENCE } from '../world/patience.js';

const DAY_MS = 86_400_000;
const ACCESS_TTL = 900;

/** A second as if it were a minute and more. */
const FAST: SweepPace = {
  firstMs: 30,
  idleMs: 200,
  retryMs: 100,
  runMs: 10_000,
  leaseMs: 20_000,
  pauseMs: 5,
};

const memory = {
  name: 'memory',
  isMissing: false,
  create: async () => undefined,
  drop: async () => undefined,
};
const inMemory = memoryStore();
const stores = [
  { ...memory, open: () => ({ ...inMemory }) },
  ...(await sharedStores(5)).map((place) => ({ ...place, open: () => openStore(place.url) })),
];

/** Ends sessions so long ago that they are swept, and adds one-time values that are over. */
async function fill(store: Store, { sessions, values }: { sessions: number; values: number }) {
  const long = Date.now() - 10 * DAY_MS;
  const ids = await addSessions(store, { count: sessions, now: long });
  const life = { now: long, expiresAt: long + 1000 };
  await Promise.all(
    Array.from({ length: values }, (_, at) => store.once.add(`value ${at}`, 'x', life)),
  );
  return ids;
}

/** An API key and a link to a provider that ended so many days ago. */
async function endCredentials(store: Store, daysAgo: number) {
  const at = Date.now() - daysAgo * DAY_MS;
  const ids = [];
  for (const kind of ['api_key', 'identity']) {
    const [id, hash] = [randomUUID(), randomUUID()];
    const row = { id, hash, kind, ownerId: 'ann', data: '{}', createdAt: at, expiresAt: undefined };
    await store.credentials.create(row);
    await store.credentials.revoke(id, at);
    ids.push(id);
  }
  return { key: ids[0] ?? '', link: ids[1] ?? '' };
}

/** One after the other: a busy PostgreSQL refuses some of so many at once. */
async function areGone(store: Store, ids: readonly string[]): Promise<boolean> {
  for (const id of ids) if (await store.sessions.get(id)) return false;
  return true;
}

interface Sweeping {
  readonly who: string;
  readonly limit: number;
  readonly from: number;
  readonly to: number;
}

/** An instance that sweeps, and what it has swept. */
function instance(
  { sessions, once, credentials }: Store,
  { who = 'one', ...pace }: Partial<SweepPace> & { who?: string; log?: Sweeping[] } = {},
) {
  const log = pace.log ?? [];
  const leasedAt: number[] = [];
  const noting =
    (sweep: Store['once']['sweep']): Store['once']['sweep'] =>
    async (before, limit = 0) => {
      const from = performance.now();
      try {
        // So long that two who sweep at once are seen.
        await wait(20);
        return await sweep(before, limit);
      } finally {
        log.push({ who, limit, from, to: performance.now() });
      }
    };
  const scheduled = scheduleSweeps(
    {
      sessions: { sweep: noting((before, limit) => sessions.sweep(before, limit)) },
      once: {
        ...once,
        sweep: noting((before, limit) => once.sweep(before, limit)),
        async add(...given) {
          const at = performance.now();
          const isOurs = await once.add(...given);
          if (isOurs) leasedAt.push(at);
          return isOurs;
        },
      },
      credentials,
      accessTtlSeconds: ACCESS_TTL,
      now: Date.now,
    },
    { ...FAST, ...pace },
  );
  onTestFinished(() => scheduled.stop());
  return { log, leasedAt, stop: () => scheduled.stop() };
}

describe.each(stores)('on $name', ({ name, isMissing, create, drop, open }) => {
  // Redis forgets rows by itself.
  const keepsRows = name !== 'Redis';

  beforeAll(create);
  afterAll(drop);

  function opened(): Store {
    const store = open();
    onTestFinished(() => store.close());
    return store;
  }

  it.skipIf(isMissing)(
    'of two instances one sweeps at a time, in batches, and everything goes',
    async () => {
      const [here, there] = [opened(), opened()];
      const ids = await fill(here, { sessions: 250, values: 50 });
      const [live = ''] = await addSessions(here, { count: 1, now: Date.now() });
      await here.once.add('value 0 of today', 'x', {
        now: Date.now(),
        expiresAt: Date.now() + DAY_MS,
      });
      const over = await endCredentials(here, 91);
      const recent = await endCredentials(here, 89);
      const log: Sweeping[] = [];
      instance(here, { who: 'here', log });
      instance(there, { who: 'there', log });
      const isSwept = async () =>
        log.length > 12 &&
        (!keepsRows ||
          ((await areGone(here, ids)) && !(await here.credentials.findById(over.key))));
      await vi.waitUntil(isSwept, PATIENCE);
      expect(await here.sessions.get(live)).toBeDefined();
      expect(await here.once.take('value 0 of today', Date.now())).toBe('x');
      // A link whose row is missing would hide those that came after it.
      for (const id of [over.link, recent.key, recent.link])
        expect(await here.credentials.findById(id)).toBeDefined();
      expect(log.filter(({ limit }) => limit < 50 || limit > 5000)).toEqual([]);
      const atOnce = log.filter((one) =>
        log.some(({ who, from, to }) => who !== one.who && from <= one.to && one.from <= to),
      );
      expect(atOnce).toEqual([]);
    },
  );

  it.skipIf(isMissing)(
    'an instance that ends in the middle holds the others up no longer than its lease',
    async () => {
      const [here, there] = [opened(), opened()];
      const ids = await fill(here, { sessions: 250, values: 0 });
      // What the instances of another test have left.
      await here.once.del('lease:sweep');
      const ending = instance(here, { who: 'here', leaseMs: 1000, pauseMs: 300 });
      await vi.waitUntil(() => ending.log.length > 0, PATIENCE);
      ending.stop();
      const swept = ending.log.length;
      const { log } = instance(there, { who: 'there', firstMs: 0 });
      await vi.waitUntil(
        async () => log.length > 0 && (!keepsRows || (await areGone(there, ids))),
        PATIENCE,
      );
      expect(ending.leasedAt).toHaveLength(1);
      // Nearly all of the lease: the stores count it in whole milliseconds.
      expect((log[0]?.from ?? 0) - (ending.leasedAt[0] ?? 0)).toBeGreaterThan(990);
      await wait(400);
      // It was stopped between two batches.
      expect(ending.log.length).toBeLessThanOrEqual(swept + 1);
    },
  );
});
