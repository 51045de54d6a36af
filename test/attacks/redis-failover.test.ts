import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openStore, redisStore, type Store } from 'latchkey';
import { createClient } from 'redis';
import { describe, it, type TestContext } from 'vitest';
import { hasRedisServer, startRedisServer } from '../world/redis-server.js';
import { newSession } from '../world/new-session.js';
import { startTcpProxy } from '../world/tcp-proxy.js';

if (!hasRedisServer)
  console.log('Left out: fail-overs of Redis, for there is no redis-server here.');

/** The ways to have a store on an address. */
const clients: Readonly<Record<string, (url: string) => Store | Promise<Store>>> = {
  'opened by URL': openStore,
  'on a client of ioredis that knows nothing of fail-overs': (url) => {
    const client = new Redis(url);
    return redisStore(client, { onClose: () => client.disconnect() });
  },
  // Without a listener for `error`, which would end the process.
  'on a client of redis': async (url) => {
    const client = createClient({ url });
    const store = redisStore(client, { onClose: () => client.destroy() });
    await client.connect();
    return store;
  },
};

async function world(
  open: (typeof clients)[string],
  { expect, onTestFinished, signal }: TestContext,
) {
  const [first, second] = await Promise.all([startRedisServer(), startRedisServer()]);
  const proxy = await startTcpProxy(first.port);
  const admin = { first: new Redis(first.port), second: new Redis(second.port) };
  await admin.second.replicaof('127.0.0.1', first.port);
  const store = await open(`redis://127.0.0.1:${proxy.port}`);
  onTestFinished(async () => {
    await store.close();
    admin.first.disconnect();
    admin.second.disconnect();
    await proxy.close();
    await Promise.all([first.stop(), second.stop()]);
  });
  const session = newSession();
  await served(
    async () => (await store.sessions.get(session.id)) ?? store.sessions.create(session),
  );
  await expect.poll(() => admin.second.exists(`latchkey:{session:${session.id}}`)).toBe(1);

  /** Repeats what a client would repeat after a 503, for as long as the test may take. */
  async function served<Result>(attempt: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (signal.aborted) throw error;
        await sleep(200);
      }
    }
  }

  return {
    ...{ first, second, proxy, admin, store, session },
    served,
    // A rotation whose answer was lost on the way has happened all the same, and cannot be repeated.
    get: () => store.sessions.get(session.id),
    rotate: (generation = 0) =>
      store.sessions.rotate(session.id, {
        ...{ generation, kid: 'k1', now: session.createdAt + 1 },
        idleExpiresAt: session.idleExpiresAt,
      }),
    swapRoles: async (): Promise<void> => {
      await admin.second.replicaof('NO', 'ONE');
      await admin.first.replicaof('127.0.0.1', second.port);
      proxy.pointTo(second.port);
    },
  };
}

describe
  .runIf(hasRedisServer)
  .concurrent('W2: a Redis whose address moves to another server', () => {
    it.for(Object.entries(clients))(
      'the store %s is served again, though the old primary keeps its connections',
      async ([, open], context) => {
        const { rotate, get, served, swapRoles } = await world(open, context);
        await swapRoles();
        await served(rotate);
        context.expect((await served(get))?.generation).toBe(1);
      },
    );

    it.for(Object.entries(clients))(
      'the store %s leaves a connection that nobody answers any more',
      async ([, open], context) => {
        const { rotate, get, served, swapRoles, proxy } = await world(open, context);
        await swapRoles();
        proxy.loseOpen();
        await served(rotate);
        context.expect((await served(get))?.generation).toBe(1);
      },
    );
  });

describe.runIf(hasRedisServer).concurrent('W1: a change that Redis is late to make', () => {
  it.for(Object.entries(clients).slice(0, 1))(
    'is not made after the caller has given up, and works when it is repeated: the store %s',
    async ([, open], context) => {
      const { expect } = context;
      const { rotate, served, admin, store, session } = await world(open, context);
      await rotate();
      await admin.first.call('CLIENT', 'PAUSE', '60000', 'WRITE');
      const outcome = await Promise.race([
        rotate(1).then(
          () => 'changed',
          () => 'refused',
        ),
        sleep(5000).then(() => 'given up'),
      ]);
      expect(outcome).not.toBe('changed');
      await admin.first.call('CLIENT', 'UNPAUSE');
      await sleep(1000);
      expect((await served(() => store.sessions.get(session.id)))?.generation).toBe(1);
      expect((await served(() => rotate(1)))?.generation).toBe(2);
    },
  );

  it('is not made when its way to Redis was held up', async (context) => {
    const { expect } = context;
    const { rotate, served, proxy, store, session } = await world(openStore, context);
    await rotate();
    proxy.setFlow('hold');
    expect(await rotate(1).catch(() => 'refused')).toBe('refused');
    proxy.setFlow('pass');
    await sleep(300);
    expect((await served(() => store.sessions.get(session.id)))?.generation).toBe(1);
  });

  it('counts the grace from the moment at which it was made', async (context) => {
    const { expect } = context;
    const { rotate, admin, session } = await world(openStore, context);
    await rotate();
    await admin.first.call('CLIENT', 'PAUSE', '60000', 'WRITE');
    const calledAt = performance.now();
    const held = rotate(1);
    await sleep(1000);
    const heldMs = performance.now() - calledAt;
    await admin.first.call('CLIENT', 'UNPAUSE');
    const heldUp = (await held)?.rotatedAt ?? 0;
    expect(heldUp - session.createdAt).toBeGreaterThan(heldMs - 10);
    expect(heldUp - session.createdAt).toBeLessThan(4000);
    const promptlyAt = performance.now();
    const prompt = ((await rotate(2))?.rotatedAt ?? 0) - session.createdAt;
    const tookMs = performance.now() - promptlyAt;
    // A machine that is busy for so long holds it up as well.
    const mostMs = tookMs < 250 ? 1 : 4000;
    expect(prompt).toBeGreaterThanOrEqual(1);
    expect(prompt).toBeLessThanOrEqual(mostMs);
  });
});
