import { randomBytes } from 'node:crypto';
import type { NewSession } from 'latchkey';
import { kindOf, NOTES, sessionId, userId, userOf } from './filled/population.js';
import type { FilledStore } from './filled/filled-stores.js';

/** One operation of a store, made ready for a database. */
export interface Operation {
  readonly name: string;
  /** Whether each call uses something up, so that there is only so much to measure with. */
  readonly isUsingUp?: boolean;
  /** Undefined: the store does not have it. */
  readonly prepare: (world: OperationWorld) => Promise<(() => Promise<unknown>) | undefined>;
}

/** A filled store, and who is next. */
export interface OperationWorld extends FilledStore {
  /** The number of a live session, one after the other in no order, each once per round. */
  readonly nextSession: () => number;
  /** A session that no other operation is given any more. */
  readonly takeSession: () => number;
  /** A user whose sessions no other operation is given any more. */
  readonly takeUser: () => number;
}

const HOUR = 3_600_000;

export const operations: readonly Operation[] = [
  {
    name: 'sessions.get',
    prepare:
      async ({ store, nextSession }) =>
      async () =>
        found(await store.sessions.get(sessionId(nextSession()))),
  },
  {
    name: 'sessions.joined.get',
    async prepare({ store, nextSession }) {
      const { joined } = store.sessions;
      return joined && (async () => found(await joined.get(sessionId(nextSession()))));
    },
  },
  {
    name: 'sessions.listByUser',
    prepare:
      async ({ store, nextSession }) =>
      async () =>
        store.sessions.listByUser(userId(userOf(nextSession())), Date.now()),
  },
  {
    name: 'sessions.revokedSince with nothing new',
    async prepare({ store }) {
      const since = Date.now() - 2 * HOUR;
      let after: string | undefined;
      for (;;) {
        const page = await store.sessions.revokedSince(since, { after });
        after = page.at(-1)?.position ?? after;
        if (page.length < 1000) break;
      }
      return async () => {
        const page = await store.sessions.revokedSince(since, { after });
        if (page.length > 0) throw new Error('there was something new');
      };
    },
  },
  {
    name: 'sessions.rotate',
    async prepare({ store, nextSession }) {
      const generations = new Map<number, number>();
      return async () => {
        const number = nextSession();
        const generation = generations.get(number) ?? 0;
        const now = Date.now();
        found(
          await store.sessions.rotate(sessionId(number), {
            generation,
            kid: 'k1ABCDEF',
            now,
            idleExpiresAt: now + 168 * HOUR,
          }),
        );
        generations.set(number, generation + 1);
      };
    },
  },
  {
    name: 'sessions.update',
    async prepare({ store, nextSession }) {
      const versions = new Map<number, number>();
      return async () => {
        const number = nextSession();
        const version = versions.get(number) ?? 0;
        const now = Date.now();
        found(
          await store.sessions.update(sessionId(number), {
            version,
            lastUsedAt: now,
            idleExpiresAt: now + 168 * HOUR,
          }),
        );
        versions.set(number, version + 1);
      };
    },
  },
  {
    name: 'sessions.create',
    isUsingUp: true,
    prepare:
      async ({ store, nextSession }) =>
      () =>
        store.sessions.create(newSession(userId(userOf(nextSession())))),
  },
  {
    name: 'sessions.joined.create',
    isUsingUp: true,
    async prepare({ store, nextSession }) {
      const { joined } = store.sessions;
      return (
        joined &&
        (async () => {
          const session = newSession(userId(userOf(nextSession())));
          if (!(await joined.create(session, 0))) throw new Error('it was not created');
        })
      );
    },
  },
  {
    name: 'sessions.sweep with nothing to do',
    prepare:
      async ({ store }) =>
      () =>
        store.sessions.sweep(Date.now() - 24.25 * HOUR),
  },
  ...onceOperations(),
  {
    name: 'sessions.revoke, one',
    isUsingUp: true,
    prepare:
      async ({ store, takeSession }) =>
      async () =>
        some(await store.sessions.revoke({ id: sessionId(takeSession()) }, revocation())),
  },
  {
    name: "sessions.revoke, a user's",
    isUsingUp: true,
    prepare:
      async ({ store, takeUser }) =>
      async () =>
        some(await store.sessions.revoke({ userId: userId(takeUser()) }, revocation())),
  },
];

function onceOperations(): readonly Operation[] {
  const life = () => ({ now: Date.now(), expiresAt: Date.now() + HOUR });
  return [
    {
      name: 'once.add',
      isUsingUp: true,
      prepare:
        async ({ store }) =>
        () =>
          store.once.add(randomName(), 'value', life()),
    },
    {
      name: 'once.incr',
      prepare:
        async ({ store, sessions }) =>
        () =>
          store.once.incr(`bench-${sessionId(Math.floor((Math.random() * sessions) / 20))}`, {
            now: Date.now(),
            windowMs: HOUR,
          }),
    },
    {
      name: 'once.take',
      isUsingUp: true,
      async prepare({ store }) {
        const keys: string[] = [];
        for (let count = 0; count < 1000; count += 1) {
          const key = randomName();
          await store.once.add(key, 'value', life());
          keys.push(key);
        }
        return async () => found(await store.once.take(keys.pop() ?? '', Date.now()));
      },
    },
    {
      name: 'once.sweep with nothing to do',
      prepare:
        async ({ store }) =>
        () =>
          store.once.sweep(Date.now() - 2 * HOUR),
    },
  ];
}

/** Deals the sessions of a filled store to operations. */
export function createWorld(filled: FilledStore): OperationWorld {
  const live = shuffled(
    Array.from({ length: filled.sessions }, (_, session) => session).filter(
      (session) => kindOf(session) === 'live',
    ),
  );
  // Taken from the end, while the others go round over the first half.
  const half = Math.ceil(live.length / 2);
  const takenUsers = new Set<number>();
  let at = 0;
  const takeSession = (): number => {
    const session = live.length > half ? live.pop() : undefined;
    if (session === undefined) throw new Error('there are no more sessions to take');
    return session;
  };
  return {
    ...filled,
    nextSession: () => live[at++ % half] ?? 0,
    takeSession,
    takeUser() {
      for (;;) {
        const user = userOf(takeSession());
        if (takenUsers.has(user)) continue;
        takenUsers.add(user);
        return user;
      }
    },
  };
}

function shuffled(numbers: number[]): number[] {
  for (let at = numbers.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [numbers[at], numbers[other]] = [numbers[other] ?? 0, numbers[at] ?? 0];
  }
  return numbers;
}

const randomName = (): string => randomBytes(16).toString('base64url');

function newSession(user: string): NewSession {
  const now = Date.now();
  return {
    id: randomName(),
    userId: user,
    kid: 'k1ABCDEF',
    salt: randomName(),
    generation: 0,
    rotatedAt: now,
    createdAt: now,
    lastUsedAt: now,
    idleExpiresAt: now + 168 * HOUR,
    expiresAt: now + 720 * HOUR,
    provider: undefined,
    data: NOTES,
  };
}

const revocation = () => ({ now: Date.now(), reason: 'bench' });

function found<Result>(result: Result | undefined): Result {
  if (result === undefined) throw new Error('an operation did not find what is there');
  return result;
}

function some(ids: readonly string[]): void {
  if (ids.length === 0) throw new Error('nothing was revoked');
}
