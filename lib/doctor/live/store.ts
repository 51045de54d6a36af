import { randomUUID } from 'node:crypto';
import { openStore } from '../../stores/open-store.js';
import type { OnceStore, Store } from '../../stores/store.js';
import type { Finding } from '../finding.js';
import type { Inspection } from './inspection.js';
import { inspectPostgres } from './postgres.js';
import { fail, pass, warn } from './outcomes.js';
import { inspectRedis } from './redis.js';
import { inspectSqlite } from './sqlite.js';
import type { LiveSubject } from './subject.js';

/** Looks at a store without changing it. Rejects with a `StoreFailure`. */
type Inspect = (url: string, subject: LiveSubject) => Promise<Inspection>;

const inspectors: readonly (readonly [scheme: RegExp, inspect: Inspect])[] = [
  [/^file:/, inspectSqlite],
  [/^postgres(?:ql)?:/, inspectPostgres],
  [/^rediss?(?:\+\w+)?:/, inspectRedis],
];

/**
 * Checks the store: that it answers, how it is set up, and that of changes at the same time over two connections one wins. What it writes are
 * values that are used once, under random names; they are removed again, and end by themselves within a minute.
 */
export async function checkStore(subject: LiveSubject): Promise<readonly Finding[]> {
  const { config, created } = subject;
  const { url } = config.store;
  if (created?.hasOwnStore) return checkOwnStore(created.store, subject);
  const inspect = inspectors.find(([scheme]) => scheme.test(url))?.[1];
  if (!inspect || !usesStore(subject)) return [];
  try {
    const { findings, isPrepared } = await inspect(url, subject);
    if (!isPrepared) return findings;
    return [...findings, ...(await checkConnections(url, subject))];
  } catch (error) {
    return [unusable(error)];
  }
}

/** An application that only verifies tokens keeps nothing, but for the proofs that it has seen. */
function usesStore({ config: { jwt, dpop } }: LiveSubject): boolean {
  return jwt.secret !== undefined || jwt.privateKey !== undefined || dpop.mode !== 'off';
}

/** A store that was passed in code has one handle, which may have one connection. */
async function checkOwnStore(
  store: Store | undefined,
  { now }: LiveSubject,
): Promise<readonly Finding[]> {
  if (!store) return [];
  try {
    await store.ping();
    return [await checkSwaps([store.once, store.once], now, 'the store that was passed in code')];
  } catch (error) {
    return [unusable(error)];
  }
}

async function checkConnections(url: string, { now }: LiveSubject): Promise<readonly Finding[]> {
  const [one, other] = [openStore(url), openStore(url)];
  try {
    await Promise.all([one.ping(), other.ping()]);
    const swaps = await checkSwaps([one.once, other.once], now, 'the store over two connections');
    return [await judgeLatency(one), swaps];
  } finally {
    await Promise.all([one.close(), other.close()]);
  }
}

const SLOW_MS = 250;

/** The fastest of a few: the network says how long it takes, and not what else the server does. */
async function judgeLatency(store: Store): Promise<Finding> {
  const times: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const since = performance.now();
    // One after the other, because they would wait for each other.
    // oxlint-disable-next-line no-await-in-loop
    await store.ping();
    times.push(performance.now() - since);
  }
  const ms = Math.ceil(Math.min(...times));
  if (ms <= SLOW_MS) return pass('live_store', `the store answers within ${ms} ms`);
  return warn('live_store', {
    says: `the store takes ${ms} ms to answer`,
    why: 'a refresh needs three answers of the store, one after the other',
    fix: 'move application and store into one region, or look at the load of the store',
  });
}

const ROUNDS = 5;
const LIFE_MS = 60_000;

/** Of two who add one name, and of two who take one value, one may succeed. */
async function checkSwaps(
  [one, other]: readonly [OnceStore, OnceStore],
  now: () => number,
  where: string,
): Promise<Finding> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const key = `doctor:${randomUUID()}`;
    // oxlint-disable-next-line no-await-in-loop
    const winners = await race([one, other], key, now());
    if (winners.join() === '1,1') continue;
    return fail('live_store_swap', {
      says: `${where}: of two changes at the same time, ${winners.join(' and ')} took effect where one should`,
      why: 'one-time codes work twice, and a stolen refresh token is not noticed',
      fix: 'connect to one primary server, and to none that others write to besides',
    });
  }
  return pass('live_store_swap', `${where}: of changes at the same time, one takes effect`);
}

/** How many of two added a value, and how many of two got it. */
async function race(
  stores: readonly [OnceStore, OnceStore],
  key: string,
  now: number,
): Promise<readonly [number, number]> {
  const life = { now, expiresAt: now + LIFE_MS };
  try {
    const added = await Promise.all(stores.map((store, at) => store.add(key, `of ${at}`, life)));
    const taken = await Promise.all(stores.map((store) => store.take(key, now)));
    return [
      added.filter(Boolean).length,
      taken.filter((value) => value === `of ${added.indexOf(true)}`).length,
    ];
  } finally {
    await stores[0].del(key);
  }
}

function unusable(error: unknown): Finding {
  const failure = [error, error instanceof Error ? error.cause : undefined].find(isStoreFailure);
  return fail('live_store', {
    says: failure?.message ?? 'the store cannot be used',
    why: 'whatever needs the store is refused with 503',
    fix: 'check AUTH_STORE_URL, and what the server behind it says',
  });
}

/** By its name: the application may have another copy of the package. Its message holds no secret. */
function isStoreFailure(error: unknown): error is Error {
  return error instanceof Error && error.name === 'StoreFailure';
}
