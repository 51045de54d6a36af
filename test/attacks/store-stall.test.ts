import { memoryStore, openStore } from 'latchkey';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Store } from '../../lib/stores/store.js';
import { addUser, type AuthServer, bearer, serveAuth, type Tokens } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { sharedStores } from '../world/every-store.js';
import { createPostgresSchema } from '../world/postgres-schema.js';
import { createUnsteadyStore, type UnsteadyStore } from '../world/unsteady-store.js';
import { PATIENCE } from '../world/patience.js';

const refresh = ({ post }: AuthServer, token: string): Promise<Response> =>
  post('/api/auth/refresh', { refresh_token: token });

async function refreshed(server: AuthServer, token: string): Promise<string> {
  const response = await refresh(server, token);
  expect(response.status).toBe(200);
  return ((await response.json()) as Tokens).refresh_token;
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code;
}

const generationOf = (token: string): number => Number(token.split('.')[3]);

const eventsOf = ({ events }: AuthServer, name: string): number =>
  events.filter((event) => event.name === name).length;

const notes = {
  amr: ['pwd'],
  authTime: undefined,
  acr: undefined,
  device: undefined,
  delivery: 'body',
} as const;

let users = 0;

/** Instances of one application on one store, each with a way to it that can break, and somebody who has signed in. */
async function world(inner: Store) {
  const clock = createClock();
  const reportedAt = new Map<string, number>();

  async function start() {
    const unsteady = createUnsteadyStore(inner, { now: clock.now, reportedAt });
    const server = await serveAuth({ store: unsteady.store, now: clock.now });
    onTestFinished(() => server.auth.close());
    return { ...unsteady, server };
  }

  const a = await start();
  const b = await start();
  users += 1;
  const user = await a.server.auth.users.create({ username: `user-${users}-${process.pid}` });
  const signIn = async (): Promise<string> =>
    (await a.server.auth.sessions.start(user, notes)).refreshToken;

  return {
    clock,
    a,
    b,
    start,
    token: await signIn(),
    /** Another session, whose refreshes are the traffic of an instance. */
    signIn,
    /** Waits until an instance has reported since the clock went on. */
    reported: ({ lastReport }: Pick<UnsteadyStore, 'lastReport'>) =>
      vi.waitFor(() => expect(lastReport()).toBe(clock.now()), PATIENCE),
  };
}

/** Refreshes like a client that obeys Retry-After: each attempt two seconds after the last one, all of them in vain. */
async function refuseFor(
  seconds: number,
  { clock, token }: Pick<Awaited<ReturnType<typeof world>>, 'clock' | 'token'>,
  ...servers: readonly AuthServer[]
): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 2) {
    clock.advance(2);
    for (const server of servers) {
      const answer = await refresh(server, token);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    }
  }
}

const loseRotations = (operation: string) =>
  operation === 'sessions.rotate' ? ('lost' as const) : undefined;
const goDown = () => 'down' as const;

async function isServed(server: AuthServer, token: string): Promise<void> {
  const next = await refreshed(server, token);
  expect(generationOf(next)).toBe(generationOf(token) + 1);
  expect(eventsOf(server, 'refresh.reused')).toBe(0);
  expect(generationOf(await refreshed(server, next))).toBe(generationOf(token) + 2);
}

async function everyStore(redisDatabase: number) {
  const memory = {
    name: 'memory',
    url: 'memory:',
    isMissing: false,
    open: memoryStore,
    create: async () => undefined,
    drop: async () => undefined,
  };
  const shared = await sharedStores(redisDatabase);
  return [memory, ...shared.map((place) => ({ ...place, open: () => openStore(place.url) }))];
}

describe.each(await everyStore(15))('W1 on $name', ({ isMissing, open, create, drop }) => {
  describe.skipIf(isMissing)('a client that retries is served', () => {
    let store: Store;
    beforeAll(async () => {
      await create();
      store = open();
      await store.ping();
    });
    afterAll(async () => {
      await store.close();
      await drop();
    });

    it('after an answer that was lost behind the commit, 15 s later, by the same instance', async () => {
      const { a, clock, token } = await world(store);
      a.fail(loseRotations);
      expect((await refresh(a.server, token)).status).toBe(503);
      a.recover();
      clock.advance(15);
      await isServed(a.server, token);
    });

    it('by an instance that the store did not answer either', async () => {
      const { a, b, clock, token } = await world(store);
      a.fail(loseRotations);
      expect((await refresh(a.server, token)).status).toBe(503);
      a.fail(goDown);
      b.fail(goDown);
      await refuseFor(30, { clock, token }, a.server, b.server);
      b.recover();
      await isServed(b.server, token);
    });

    it('by an instance that has heard from the other one that the store did not answer', async () => {
      const { a, b, clock, token, signIn, reported } = await world(store);
      const another = await signIn();
      a.fail(loseRotations);
      expect((await refresh(a.server, token)).status).toBe(503);
      a.fail((operation) => (operation === 'sessions.rotate' ? 'down' : undefined));
      for (let round = 0; round < 4; round += 1) {
        clock.advance(2);
        expect((await refresh(a.server, another)).status).toBe(503);
      }
      a.recover();
      await refreshed(a.server, another);
      await reported(a);
      clock.advance(5);
      await isServed(b.server, token);
    });

    it('by another instance, after 12 s in which its own was cut off alone', async () => {
      const { a, b, clock, token, signIn, reported } = await world(store);
      let another = await refreshed(a.server, await signIn());
      await reported(a);
      a.fail(loseRotations);
      expect((await refresh(a.server, token)).status).toBe(503);
      a.fail(goDown);
      for (let round = 0; round < 6; round += 1) {
        await refuseFor(2, { clock, token }, a.server);
        another = await refreshed(b.server, another);
      }
      await isServed(b.server, token);
    });

    it('by an instance that has just started, in place of one that ended in the outage', async () => {
      const { a, b, clock, token, signIn, reported, start } = await world(store);
      await refreshed(a.server, await signIn());
      await reported(a);
      a.fail(loseRotations);
      expect((await refresh(a.server, token)).status).toBe(503);
      a.fail(goDown);
      b.fail(goDown);
      await refuseFor(14, { clock, token }, a.server);
      const { server } = await start();
      await isServed(server, token);
    });

    it('after 40 s in which the store could only be read', async () => {
      const { a, clock, token } = await world(store);
      a.fail(loseRotations);
      expect((await refresh(a.server, token)).status).toBe(503);
      a.fail((operation) => (/incr|rotate|report/.test(operation) ? 'down' : undefined));
      await refuseFor(40, { clock, token }, a.server);
      a.recover();
      await isServed(a.server, token);
    });

    it('after a user who could not be read once, 11 s later: nothing had been rotated', async () => {
      const { a, clock, token } = await world(store);
      a.fail((operation) => (/^users.findById|^sessions.get/.test(operation) ? 'down' : undefined));
      expect((await refresh(a.server, token)).status).toBe(503);
      expect(a.operations).not.toContain('sessions.rotate');
      a.recover();
      clock.advance(11);
      await isServed(a.server, token);
    });

    describe('and a thief is not', () => {
      it('with a parent that was rotated long before, once the store answers', async () => {
        const { a, clock, token } = await world(store);
        const next = await refreshed(a.server, token);
        clock.advance(11);
        a.fail(goDown);
        await refuseFor(20, { clock, token }, a.server);
        a.recover();
        expect(await codeOf(await refresh(a.server, token))).toBe('REFRESH_REUSED');
        expect((await refresh(a.server, next)).status).toBe(401);
        expect(eventsOf(a.server, 'refresh.reused')).toBe(1);
      });

      it('with a parent that was rotated long before, while rotations go unanswered', async () => {
        const { a, b, clock, token, signIn, reported } = await world(store);
        const another = await signIn();
        await refreshed(a.server, token);
        clock.advance(11);
        a.fail((operation) => (operation === 'sessions.rotate' ? 'down' : undefined));
        expect((await refresh(a.server, another)).status).toBe(503);
        await reported(a);
        clock.advance(2);
        expect(await codeOf(await refresh(b.server, token))).toBe('REFRESH_REUSED');
        expect(eventsOf(b.server, 'refresh.reused')).toBe(1);
      });

      it('with a parent, after as much answered time as the grace, before and after the silence', async () => {
        const { a, clock, token } = await world(store);
        await refreshed(a.server, token);
        clock.advance(6);
        a.fail(goDown);
        const during = await a.server.post('/api/auth/login', { username: 'x', password: 'y' });
        expect(during.status).toBe(503);
        clock.advance(30);
        a.recover();
        const another = await a.server.post('/api/auth/login', { username: 'x', password: 'y' });
        expect(another.status).toBe(401);
        clock.advance(5);
        expect(await codeOf(await refresh(a.server, token))).toBe('REFRESH_REUSED');
      });

      it('with a grandparent, in the middle of a silence', async () => {
        const { a, token, signIn } = await world(store);
        const another = await signIn();
        await refreshed(a.server, await refreshed(a.server, token));
        a.fail((operation) => (operation === 'sessions.rotate' ? 'down' : undefined));
        expect((await refresh(a.server, another)).status).toBe(503);
        expect(await codeOf(await refresh(a.server, token))).toBe('REFRESH_REUSED');
      });

      it('while the other instances cannot be asked: 503, and nothing is ended before they can', async () => {
        const { a, clock, token } = await world(store);
        const next = await refreshed(a.server, token);
        clock.advance(11);
        a.fail((operation) => (operation === 'instances.report' ? 'down' : undefined));
        expect(await codeOf(await refresh(a.server, token))).toBe('STORE_UNAVAILABLE');
        const [, , id = ''] = next.split('.');
        expect(await store.sessions.get(id)).toMatchObject({ revokedAt: undefined });
        a.recover();
        expect(await codeOf(await refresh(a.server, token))).toBe('REFRESH_REUSED');
      });

      it('because an instance that was closed says nothing any more', async () => {
        const { a, b, clock, token, signIn, reported } = await world(store);
        await refreshed(b.server, await signIn());
        await reported(b);
        await b.server.auth.close();
        await refreshed(a.server, token);
        clock.advance(11);
        expect(await codeOf(await refresh(a.server, token))).toBe('REFRESH_REUSED');
      });
    });
  });
});

describe('W1 stalls in real time', async () => {
  const there = (await everyStore(15)).filter(({ isMissing }) => !isMissing);
  let stores: readonly Store[] = [];
  beforeAll(async () => {
    await Promise.all(there.map(({ create }) => create()));
    stores = there.map(({ open }) => open());
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await Promise.all(there.map(({ drop }) => drop()));
  });

  async function answerNeverComes(store: Store): Promise<void> {
    const { a, clock, token } = await world(store);
    a.fail((operation) => (operation === 'sessions.rotate' ? 'unanswered' : undefined));
    expect((await refresh(a.server, token)).status).toBe(503);
    a.recover();
    clock.advance(15);
    await isServed(a.server, token);
  }

  async function tableIsLocked(): Promise<void> {
    const { url, create, drop } = createPostgresSchema();
    await create();
    onTestFinished(drop);
    const store = openStore(url);
    onTestFinished(() => store.close());
    const clock = createClock();
    const server = await serveAuth({ store, now: clock.now });
    onTestFinished(() => server.auth.close());
    await addUser(server);
    const tokens = await server.signIn('alice');

    const locker = new Client(url);
    await locker.connect();
    await locker.query('BEGIN; LOCK TABLE latchkey_sessions IN EXCLUSIVE MODE');
    const answer = await refresh(server, tokens.refresh_token);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    clock.advance(15);
    await locker.query('COMMIT');
    await locker.end();

    await isServed(server, tokens.refresh_token);
    expect((await server.get('/api/strict', bearer(tokens))).status).toBe(200);
  }

  // Together, because each of them waits.
  it('an answer that never comes, on every store, and a table that somebody locks for 15 s, on PostgreSQL: served afterwards', async () => {
    const hasPostgres = there.some(({ name }) => name === 'PostgreSQL');
    await Promise.all([...stores.map(answerNeverComes), hasPostgres && tableIsLocked()]);
  }, 40_000);
});
