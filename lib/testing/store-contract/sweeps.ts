import assert from 'node:assert/strict';
import type { NewSession, Store } from '../../stores/store.js';
import { type Check, type Connections, race, randomName } from './connections.js';
import { created, DAY, end, rotation } from './new-session.js';

// Long ago, so that nothing of anybody else ends with it.
const PAST = 1000;
/** The sweep may leave those of the last day for later. */
const BEFORE = PAST + 2 * DAY;
const LIMIT = 10;

/** A session that ended at {@link PAST}, unless `idleExpiresAt` says otherwise. */
function endedSession(store: Store, given: Partial<NewSession> = {}): Promise<NewSession> {
  const times = { rotatedAt: 0, createdAt: 0, lastUsedAt: 0 };
  return created(store, { ...times, idleExpiresAt: PAST, expiresAt: BEFORE + 9 * DAY, ...given });
}

/** Sweeps until a batch is not full. Returns how many were deleted. */
async function sweepAll(
  swept: { sweep(before: number, limit?: number): Promise<number> },
  before = BEFORE,
): Promise<number> {
  let total = 0;
  for (;;) {
    const count = await swept.sweep(before, LIMIT);
    assert.ok(count <= LIMIT, 'a sweep has deleted more than it was asked to');
    total += count;
    if (count < LIMIT) return total;
  }
}

/** Of the ids, those that still have a row. */
async function left(store: Store, ids: readonly string[]): Promise<readonly string[]> {
  const rows = await Promise.all(ids.map((id) => store.sessions.get(id)));
  return rows.flatMap((row) => (row ? [row.id] : []));
}

const ofSessions: Readonly<Record<string, Check>> = {
  'sweep: takes what has ended and leaves what has not': async ({ one, two }) => {
    const over = await endedSession(one);
    const live = await endedSession(one, { idleExpiresAt: PAST + 1 });
    await two.sessions.sweep(PAST);
    assert.ok(await one.sessions.get(live.id));
    const row = await one.sessions.get(over.id);
    const late = { ...rotation, now: PAST };
    assert.equal(row && (await one.sessions.rotate(over.id, late)), undefined);
  },
  'sweep: goes on in batches until everything is gone that had ended, by whatever end': async (
    connections,
  ) => {
    const { one, two } = connections;
    const sessions = await race(connections, 45, (store, turn) =>
      endedSession(store, [{}, { idleExpiresAt: BEFORE + DAY }, { expiresAt: PAST }][turn % 3]),
    );
    // Every third one ended by revocation.
    for (const { id } of sessions.filter((_, at) => at % 3 === 1))
      await one.sessions.revoke({ id }, { ...end, now: PAST });
    const live = await race(connections, 5, (store) =>
      endedSession(store, { idleExpiresAt: BEFORE + 1 }),
    );
    const total = await sweepAll(two.sessions);
    const ids = sessions.map(({ id }) => id);
    // A store that lets rows expire by itself deletes nothing here.
    if (total > 0) assert.deepEqual(await left(one, ids), []);
    assert.equal(
      (
        await left(
          one,
          live.map(({ id }) => id),
        )
      ).length,
      live.length,
    );
  },
  'sweep: with nothing to do deletes nothing and says so': async ({ one, two }) => {
    const live = await endedSession(one, { idleExpiresAt: BEFORE + 1 });
    await sweepAll(one.sessions);
    assert.equal(await two.sessions.sweep(PAST, LIMIT), 0);
    assert.equal(await two.sessions.sweep(PAST), 0);
    assert.ok(await two.sessions.get(live.id));
  },
  'sweep: two at once neither fail nor delete a session that lives': async (connections) => {
    await race(connections, 60, (store) => endedSession(store));
    const live = await race(connections, 20, (store) =>
      endedSession(store, { idleExpiresAt: BEFORE + 1 }),
    );
    await race(connections, 4, (store) => sweepAll(store.sessions));
    assert.equal(
      (
        await left(
          connections.one,
          live.map(({ id }) => id),
        )
      ).length,
      live.length,
    );
  },
  'sweep: a session that is renewed meanwhile is either gone or lives on': async (connections) => {
    const { one, two } = connections;
    const renewal = { ...rotation, now: PAST - 1, idleExpiresAt: BEFORE + DAY };
    for (let round = 0; round < 5; round += 1) {
      const sessions = await race(connections, LIMIT, (store) => endedSession(store));
      const [renewed] = await Promise.all([
        Promise.all(sessions.map(({ id }) => one.sessions.rotate(id, renewal))),
        two.sessions.sweep(BEFORE, LIMIT),
      ]);
      const ids = renewed.flatMap((row) => (row ? [row.id] : []));
      assert.deepEqual((await left(two, ids)).toSorted(), ids.toSorted());
    }
  },
};

const ofOnce: Readonly<Record<string, Check>> = {
  'once.sweep: goes on in batches and leaves what has not ended': async (connections) => {
    const { one, two } = connections;
    const keys = await race(connections, 25, async (store) => {
      const key = randomName();
      await store.once.add(key, 'x', { now: 0, expiresAt: PAST });
      return key;
    });
    const live = randomName();
    await one.once.add(live, 'y', { now: 0, expiresAt: PAST + 1 });
    await sweepAll(two.once, PAST);
    assert.equal(await two.once.take(live, PAST), 'y');
    for (const key of keys) assert.equal(await one.once.take(key, PAST), undefined);
    assert.ok((await one.once.sweep(PAST)) < 1000);
  },
  'once.sweep: a value whose key is taken again meanwhile stays': async (connections) => {
    const { one, two } = connections;
    for (let round = 0; round < 5; round += 1) {
      const keys = Array.from({ length: LIMIT }, randomName);
      for (const key of keys) await one.once.add(key, 'old', { now: 0, expiresAt: PAST });
      const life = { now: PAST, expiresAt: PAST + 5000 };
      const [added] = await Promise.all([
        Promise.all(keys.map((key) => one.once.add(key, 'new', life))),
        two.once.sweep(PAST, LIMIT),
      ]);
      assert.deepEqual(new Set(added), new Set([true]));
      for (const key of keys) assert.equal(await two.once.take(key, PAST), 'new');
    }
  },
  'once.sweep: two at once do not fail': async (connections: Connections) => {
    await race(connections, 60, (store) =>
      store.once.add(randomName(), 'x', { now: 0, expiresAt: PAST }),
    );
    await race(connections, 4, (store) => sweepAll(store.once, PAST));
  },
};

export const sweepChecks: Readonly<Record<string, Check>> = { ...ofSessions, ...ofOnce };
