import { Redis } from 'ioredis';
import { hasRedisServer } from '../../world/redis-server.js';
import type { BenchContext } from '../bench.js';
import { latchkey } from '../built-library.js';
import { fillRedisSessions } from '../filled/fill-redis.js';
import {
  benchPlaces,
  createFilledStore,
  type FilledStore,
  storeNames,
  type StoreName,
} from '../filled/filled-stores.js';
import { people, sessionId } from '../filled/population.js';
import { percentile, quartiles } from '../statistics.js';
import {
  createWorld,
  type Operation,
  operations,
  type OperationWorld,
} from '../store-operations.js';

const DAY_MS = 86_400_000;
const SMALL = 1000;
/** Pairs that are for the compilers and the caches. */
const WARM_UP = 5;
/** How long a slice should take, in calls that can be repeated. */
const SLICE_MS = 8;
const MOST_CALLS = 200;
/** Calls per slice of an operation that uses something up: a thousand sessions are not many. */
const FEW_CALLS = 3;

/**
 * Every operation on stores that hold more and more sessions, against the same on one that holds 1,000. All of a kind are
 * open side by side, and take turns. In the course of it a store grows by some hundred sessions.
 */
export async function stores(context: BenchContext): Promise<void> {
  for (const name of storeNames) await compareSizes(context, name);
  if (hasRedisServer) await reportMemory(context);
}

async function compareSizes(context: BenchContext, name: StoreName): Promise<void> {
  const filled: FilledStore[] = [];
  for (const size of [SMALL, context.sessions / 10, context.sessions])
    filled.push(await createFilledStore(name, { sessions: size, layout: people }));
  const worlds = filled.map(createWorld);
  for (const operation of operations) await compareOperation(context, { name, operation, worlds });
  const largest = worlds.at(-1);
  if (name === 'PostgreSQL' && largest) await reportHotUpdates(context, largest);
  for (const each of filled) await each.close();
}

interface Comparison {
  readonly name: StoreName;
  readonly operation: Operation;
  /** The smallest one first. */
  readonly worlds: readonly OperationWorld[];
}

async function compareOperation(
  { report, pairs }: BenchContext,
  { name, operation, worlds }: Comparison,
): Promise<void> {
  const calls = await Promise.all(worlds.map((world) => operation.prepare(world)));
  const [smallest] = calls;
  if (!smallest) return;
  const batch = operation.isUsingUp ? FEW_CALLS : await callsPerSlice(smallest);
  const times = await timeInTurns(calls, { pairs, batch });
  for (const [at, world] of worlds.entries()) {
    if (at === 0) continue;
    const spread = quartiles(times.map((slice) => (slice[at] ?? 0) / (slice[0] ?? 0)));
    const ms = (size: number): string =>
      (
        percentile(
          times.map((slice) => slice[size] ?? 0),
          50,
        ) / batch
      ).toFixed(3);
    report({
      what: `${name} ${operation.name}, ${thousands(world.sessions)} against ${thousands(SMALL)}`,
      value: spread.median,
      unit: 'x',
      spread,
      goal: { atMost: 1.3 },
      note: `${ms(0)} ms, ${ms(at)} ms`,
    });
  }
}

async function callsPerSlice(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let calls = 0;
  while (performance.now() - start < 4 * SLICE_MS) {
    await call();
    calls += 1;
  }
  return Math.min(MOST_CALLS, Math.max(FEW_CALLS, Math.ceil(calls / 4)));
}

/** Milliseconds of each side, turn by turn. The order is reversed each time, so that a drift hits all alike. */
async function timeInTurns(
  calls: readonly ((() => Promise<unknown>) | undefined)[],
  { pairs, batch }: { readonly pairs: number; readonly batch: number },
): Promise<readonly (readonly number[])[]> {
  const turns: number[][] = [];
  for (let pair = 0; pair < pairs + WARM_UP; pair += 1) {
    const turn: number[] = [];
    const order = calls.map((_, at) => at);
    for (const at of pair % 2 === 0 ? order : order.toReversed()) {
      const start = performance.now();
      for (let count = 0; count < batch; count += 1) await calls[at]?.();
      turn[at] = performance.now() - start;
    }
    if (pair >= WARM_UP) turns.push(turn);
  }
  return turns;
}

const ROTATED = 500;
const ROTATIONS = 4;

/**
 * The share of rotations that touched no index, of sessions that are in use: the first rotation of a day moves the day on
 * which the session may be swept.
 */
async function reportHotUpdates({ report }: BenchContext, world: OperationWorld): Promise<void> {
  const { store, place, nextSession } = world;
  const ids = Array.from({ length: ROTATED }, () => sessionId(nextSession()));
  const rotateAll = async (): Promise<void> => {
    for (const id of ids) {
      const now = Date.now();
      const { generation = 0 } = (await store.sessions.get(id)) ?? {};
      const rotation = { generation, kid: 'k1ABCDEF', now, idleExpiresAt: now + 7 * DAY_MS };
      await store.sessions.rotate(id, rotation);
    }
  };
  await rotateAll();
  const connection = await place.connect?.();
  if (!connection) return;
  const before = await connection.countUpdates();
  for (let round = 0; round < ROTATIONS; round += 1) await rotateAll();
  const after = await connection.countUpdates();
  await connection.close();
  const updates = after.all - before.all;
  report({
    what: 'rotations on PostgreSQL that touch no index (HOT), share',
    value: (after.hot - before.hot) / updates,
    goal: { atLeast: 0.9 },
    kind: 'steady',
    note: `of ${updates}`,
  });
}

/** What a session takes in Redis: its row, and everything that belongs to it, names and indexes included. */
async function reportMemory({ report, sessions }: BenchContext): Promise<void> {
  const place = await benchPlaces.Redis();
  const store = latchkey.openStore(place.url);
  await store.ping();
  const client = new Redis(place.url);
  const memory = async (): Promise<number> => {
    const [, used] = /used_memory:(\d+)/.exec(await client.info('memory')) ?? [];
    return Number(used);
  };
  const count = sessions / 10;
  const before = await memory();
  await fillRedisSessions(client.options.port ?? 0, { sessions: count, layout: people });
  const bytes = (await memory()) - before;
  const [, [key = '']] = await client.scan(0, 'MATCH', `*${sessionId(500)}*`, 'COUNT', 10 * count);
  report({
    what: `a session in Redis, one of ${thousands(count)}: its row`,
    value: Number(await client.memory('USAGE', key)),
    unit: 'bytes',
    goal: { atMost: 500 },
    kind: 'steady',
    note: `with its share of everything: ${Math.round(bytes / count)} bytes`,
  });
  client.disconnect();
  await store.close();
  await place.drop();
}

const thousands = (count: number): string => count.toLocaleString('en-US');
