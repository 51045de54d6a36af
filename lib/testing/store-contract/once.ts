import assert from 'node:assert/strict';
import { awkwardTexts, type Check, NOW, race, randomName } from './connections.js';

const life = { now: NOW, expiresAt: NOW + 1000 };

export const onceChecks: Readonly<Record<string, Check>> = {
  'once.add: of 50 at once one succeeds, and its value is the one': async (connections) => {
    const key = randomName();
    const outcomes = await race(connections, 50, (store, turn) =>
      store.once.add(key, String(turn), life),
    );
    assert.equal(outcomes.filter(Boolean).length, 1);
    assert.equal(await connections.two.once.take(key, NOW), String(outcomes.indexOf(true)));
  },
  'once.take: of 50 at once one gets the value': async (connections) => {
    const key = randomName();
    await connections.one.once.add(key, 'value', life);
    const outcomes = await race(connections, 50, (store) => store.once.take(key, NOW + 1));
    assert.deepEqual(
      outcomes.filter((value) => value !== undefined),
      ['value'],
    );
  },
  'once: an entry is gone at its end, and its key is free again': async ({ one, two }) => {
    const key = randomName();
    await one.once.add(key, 'first', life);
    assert.equal(await two.once.add(key, 'second', { ...life, now: NOW + 999 }), false);
    assert.equal(
      await two.once.add(key, 'second', { now: NOW + 1000, expiresAt: NOW + 2000 }),
      true,
    );
    assert.equal(await one.once.take(key, NOW + 2000), undefined);
  },
  'once: any text survives, in keys and in values': async ({ one, two }) => {
    for (const text of awkwardTexts) {
      const key = `${randomName()}${text}`;
      assert.equal(await one.once.add(key, text, life), true);
      assert.equal(await two.once.take(key, NOW), text);
    }
    for (const key of ['', 'a\0b', '\uD800'])
      assert.equal(await one.once.take(key, NOW), undefined);
  },
  'once.del: removes values and counters, and minds nothing that is not there': async ({
    one,
    two,
  }) => {
    const [value, counter] = [randomName(), randomName()];
    await one.once.add(value, 'x', life);
    await one.once.incr(counter, { now: NOW, windowMs: 1000 });
    await two.once.del(value);
    await two.once.del(counter);
    await two.once.del(randomName());
    assert.equal(await one.once.take(value, NOW), undefined);
    assert.equal((await one.once.incr(counter, { now: NOW, windowMs: 1000 })).count, 1);
  },
  'once.incr: an amount of 0 reads the count, and begins no window': async ({ one, two }) => {
    const key = randomName();
    const read = { amount: 0, windowMs: 1000 };
    assert.deepEqual(await one.once.incr(key, { ...read, now: NOW }), {
      count: 0,
      resetAt: NOW + 1000,
    });
    const counted = { count: 1, resetAt: NOW + 1500 };
    assert.deepEqual(await one.once.incr(key, { now: NOW + 500, windowMs: 1000 }), counted);
    assert.deepEqual(await two.once.incr(key, { ...read, now: NOW + 600 }), counted);
    assert.deepEqual(await two.once.incr(key, { ...read, now: NOW + 1500 }), {
      count: 0,
      resetAt: NOW + 2500,
    });
  },
  'once.incr: 100 at once count from 1 to 100, each once': async (connections) => {
    const key = randomName();
    const counts = await race(connections, 100, (store) =>
      store.once.incr(key, { now: NOW, windowMs: 1000 }),
    );
    assert.deepEqual(
      counts.map(({ count }) => count).toSorted((a, b) => a - b),
      Array.from({ length: 100 }, (_, at) => at + 1),
    );
    assert.deepEqual(new Set(counts.map(({ resetAt }) => resetAt)), new Set([NOW + 1000]));
  },
  'once.incr: a window keeps its end, and a new one begins after it': async ({ one, two }) => {
    const key = randomName();
    await one.once.incr(key, { now: NOW, windowMs: 1000 });
    const later = await two.once.incr(key, { now: NOW + 999, windowMs: 5000 });
    assert.deepEqual(later, { count: 2, resetAt: NOW + 1000 });
    const next = await one.once.incr(key, { now: NOW + 1000, windowMs: 5000 });
    assert.deepEqual(next, { count: 1, resetAt: NOW + 6000 });
  },
  'once.incr: amounts add up, and never fall below 0': async ({ one, two }) => {
    const key = randomName();
    const incr = (amount: number) => two.once.incr(key, { now: NOW, windowMs: 1000, amount });
    assert.equal((await incr(-5)).count, 0);
    assert.equal((await incr(3)).count, 3);
    assert.equal((await incr(-1)).count, 2);
    assert.equal((await incr(-9)).count, 0);
    assert.equal((await one.once.incr(key, { now: NOW, windowMs: 1000 })).count, 1);
  },
  'once.sweep: leaves what has not ended': async ({ one, two }) => {
    const [ended, live] = [randomName(), randomName()];
    await one.once.add(ended, 'x', { now: 0, expiresAt: 1000 });
    await one.once.add(live, 'y', { now: 0, expiresAt: 1001 });
    await two.once.sweep(1000);
    assert.equal(await two.once.take(live, 1000), 'y');
    assert.equal(await two.once.take(ended, 1000), undefined);
  },
};
