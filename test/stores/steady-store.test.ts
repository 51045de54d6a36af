import { executionAsyncResource } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { type AuthError, createAuth, memoryStore, type Store } from 'latchkey';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { steadyStore, type SteadyStoreOptions } from '../../lib/stores/steady/steady-store.js';
import { createEventLog } from '../world/event-log.js';

const never = (): Promise<never> => new Promise(() => undefined);

/** A steady store over one in memory with these members in place of its own, and what it told. */
function steady(own: Partial<Store>, options: Partial<SteadyStoreOptions> = {}) {
  const events = createEventLog();
  const told: string[] = [];
  let time = 1000;
  const store = steadyStore(
    { ...memoryStore(), ...own },
    {
      events,
      now: () => time,
      onAnswer: (startedAt) => void told.push(`answer ${startedAt}`),
      onFailure: (startedAt) => void told.push(`failure ${startedAt}`),
      ...options,
    },
  );
  return { store, events, told, setTime: (to: number) => void (time = to) };
}

function sessionsWith(own: Partial<Store['sessions']>): Pick<Store, 'sessions'> {
  return { sessions: { ...memoryStore().sessions, ...own } };
}

describe('a failure of the store', () => {
  it.each([
    { title: 'a rejection', get: () => Promise.reject(new Error('down')), reason: 'error' },
    {
      title: 'a throw',
      get: () => {
        throw new Error('down');
      },
      reason: 'error',
    },
    { title: 'silence', get: never, reason: 'timeout' },
  ])('$title is 503 with Retry-After: 2, and one event', async ({ get, reason }) => {
    const { store, events } = steady(sessionsWith({ get }), { timeoutMs: 20 });
    const error: AuthError = await store.sessions.get('x').then(
      () => expect.fail(),
      (e) => e,
    );
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503, reason });
    expect(error.headers['Retry-After']).toBe('2');
    expect(events.of('store.failed')).toEqual([{ operation: 'sessions.get', reason }]);
  });
});

describe('the observer', () => {
  it('is told of each answer and each failure, with the time of the call', async () => {
    const sessions = sessionsWith({ get: () => Promise.reject(new Error('down')) });
    const { store, told, setTime } = steady(sessions);
    const waiting = store.sessions.get('x').catch(() => undefined);
    setTime(2000);
    await waiting;
    await store.users.findById('x');
    expect(told).toEqual(['failure 1000', 'answer 2000']);
  });

  it('is told of the operations on one connection, and not of the whole', async () => {
    const { store, told } = steady({ together: (run) => run() });
    await store.together?.(async () => {
      await store.sessions.get('x');
      await store.users.findById('x');
    });
    expect(told).toEqual(['answer 1000', 'answer 1000']);
  });

  it('hears of a connection that could not be had', async () => {
    const { store, told, events } = steady({ together: () => Promise.reject(new Error('full')) });
    await expect(store.together?.(never)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(told).toEqual(['failure 1000']);
    expect(events.of('store.failed')).toEqual([{ operation: 'together', reason: 'error' }]);
  });

  it("hears which operation it was, also of the application's own user table", async () => {
    const operations: string[] = [];
    const { store } = steady(
      {},
      {
        userStore: { ...memoryStore().users, findById: () => Promise.reject(new Error('down')) },
        onAnswer: (_startedAt, operation) => void operations.push(`answer ${operation}`),
        onFailure: (_startedAt, operation) => void operations.push(`failure ${operation}`),
      },
    );
    await store.users.findById('x').catch(() => undefined);
    await store.sessions.get('x');
    expect(operations).toEqual(['failure users.findById', 'answer sessions.get']);
  });
});

describe('operations on one connection', () => {
  it('share the time that one may take', async () => {
    const { store } = steady(
      { ...sessionsWith({ get: never }), together: (run) => run() },
      { timeoutMs: 200 },
    );
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const outcomes: unknown[] = [];
    const both = store.together?.(async () => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await store.sessions.get('x');
    });
    both?.catch((error: unknown) => outcomes.push(error));
    await vi.advanceTimersByTimeAsync(199);
    expect(outcomes).toEqual([]);
    // With 200 ms for each of them it would take 350.
    await vi.advanceTimersByTimeAsync(1);
    expect(outcomes).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
  });

  it('do not begin when the connection comes after the caller has given up', async () => {
    let ran = false;
    let connect = (): void => undefined;
    const late = new Promise<void>((resolve) => (connect = resolve));
    const { store } = steady({ together: (run) => late.then(run) }, { timeoutMs: 20 });
    const outcome = store.together?.(async () => void (ran = true));
    await expect(outcome).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    connect();
    await wait(5);
    expect(ran).toBe(false);
  });

  it('pass on what the caller throws, which is no failure of the store', async () => {
    const { store, events, told } = steady({ together: (run) => run() });
    const mistake = new TypeError('a mistake');
    await expect(store.together?.(() => Promise.reject(mistake))).rejects.toBe(mistake);
    expect([events.of('store.failed'), told]).toEqual([[], []]);
  });

  it('are one turn only: what goes on afterwards has time of its own', async () => {
    const { store } = steady({ together: (run) => run() }, { timeoutMs: 50 });
    let later: Promise<unknown> | undefined;
    await store.together?.(async () => {
      later = wait(80).then(() => store.sessions.get('x'));
    });
    expect(await later).toBeUndefined();
  });

  // In Node 20 every AsyncLocalStorage that was used once marks every promise of the process from then on.
  it('of many stores weigh no more on other work than those of one', async () => {
    const marks = (): Promise<number> =>
      Promise.resolve().then(() => Object.getOwnPropertySymbols(executionAsyncResource()).length);
    const use = async (): Promise<void> => steady({}).store.together?.(async () => undefined);
    await use();
    const before = await marks();
    await Promise.all(Array.from({ length: 20 }, use));
    expect(await marks()).toBe(before);
  });
});

describe('a store that lacks operations of the contract', () => {
  it.each([
    {
      title: 'one of an older release',
      options: { store: { ...memoryStore(), instances: undefined } },
      message: 'the store has no instances.report, instances.leave:',
    },
    {
      title: 'one without a function',
      options: { store: { ...memoryStore(), once: { ...memoryStore().once, del: undefined } } },
      message: 'the store has no once.del:',
    },
    {
      title: 'a store with organisations but one operation',
      options: { store: { ...memoryStore(), orgs: { ...memoryStore().orgs, delete: undefined } } },
      message: 'the store has no orgs.delete:',
    },
    {
      title: 'a user table without one',
      options: { userStore: { ...memoryStore().users, list: undefined } },
      message: '`userStore` has no list:',
    },
  ])('$title is refused at start-up, by name', ({ options, message }) => {
    const settings = {
      env: {},
      jwt: { secret: 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0E', issuer: 'https://app.example.com' },
    };
    const create = (): unknown =>
      // What JavaScript can pass and types would refuse.
      Reflect.apply(createAuth, undefined, [{ ...settings, ...options }]);
    expect(create).toThrow(TypeError);
    expect(create).toThrow(message);
  });

  it('a store of release 0.6 goes on, and what it lacks rejects by name', async () => {
    const { orgs: _, ...inner } = memoryStore();
    const later = { findById: undefined, listByResource: undefined, update: undefined };
    const older = {
      ...inner,
      credentials: { ...inner.credentials, ...later, sweep: undefined },
    };
    // What JavaScript can pass and types would refuse.
    const store: Store = Reflect.apply(steadyStore, undefined, [
      older,
      { events: createEventLog(), warns: false },
    ]);
    const key = { id: 'key', hash: 'hash', kind: 'api_key', ownerId: 'ann', data: '{}' };
    const life = { createdAt: 1, expiresAt: undefined };
    await store.credentials.create({ ...key, ...life });
    await store.credentials.touch('key', 5);
    expect(await store.credentials.listByOwner('ann')).toMatchObject([{ lastUsedAt: 5 }]);
    expect(await store.credentials.sweep(9)).toBe(0);
    const other = { ...key, ...life, id: 'other', hash: 'other', resource: 'project:42' };
    for (const [name, refused] of [
      ['credentials with a resource', store.credentials.create(other)],
      ['credentials.findById', store.credentials.findById('key')],
      ['credentials.listByResource', store.credentials.listByResource('project:42')],
      ['credentials.update', store.credentials.update('key', { from: '{}', to: 'x' })],
      ['orgs.membershipsOf', store.orgs.membershipsOf('ann', { limit: 1 })],
    ] as const) {
      const error: unknown = await refused.then(undefined, (reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503 });
      const { cause } = error as Error;
      expect(cause).toMatchObject({ message: expect.stringContaining(`has no ${name}, `) });
    }
    expect(await store.credentials.findByHash('other')).toBeUndefined();
    await store.close();
  });

  it('a store whose operations are methods of a class keeps them beside a user table', async () => {
    class Own implements Store {
      readonly #store = memoryStore();
      readonly sessions = this.#store.sessions;
      readonly once = this.#store.once;
      readonly users = this.#store.users;
      readonly credentials = this.#store.credentials;
      readonly orgs = this.#store.orgs;
      readonly instances = this.#store.instances;
      ping(): Promise<void> {
        return this.#store.ping();
      }
      close(): Promise<void> {
        return this.#store.close();
      }
    }
    const store = steadyStore(new Own(), {
      events: createEventLog(),
      userStore: memoryStore().users,
    });
    await store.ping();
    await store.close();
  });
});
