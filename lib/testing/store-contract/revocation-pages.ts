import assert from 'node:assert/strict';
import type { Revocation, Store } from '../../stores/store.js';
import {
  type Check,
  type Connections,
  inWaves,
  NOW,
  pause,
  race,
  randomName,
} from './connections.js';
import { created } from './new-session.js';

/** A moment of a check's own, so that others' revocations are few after it. */
function randomMoment(): number {
  return NOW + Math.floor(Math.random() * 1000) * 60_000;
}

/** Reads on from a position until a page is not full. Returns the entries, and where to go on. */
async function readOn(
  store: Store,
  time: number,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<{ readonly entries: readonly Revocation[]; readonly after: string | undefined }> {
  const entries: Revocation[] = [];
  let { after } = page;
  for (let pages = 0; pages < 10_000; pages += 1) {
    const read = await store.sessions.revokedSince(time, { after, limit: page.limit });
    assert.ok(read.length <= page.limit, 'a page has more entries than were asked for');
    entries.push(...read);
    after = read.at(-1)?.position ?? after;
    if (read.length < page.limit) return { entries, after };
  }
  throw new assert.AssertionError({ message: 'the pages never end' });
}

function idsOf(entries: readonly Revocation[]): Set<string> {
  return new Set(entries.map(({ id }) => id));
}

/** Revokes sessions one by one on both connections, with clocks that differ, while pages are read from them. */
async function readWhileOthersRevoke(
  connections: Connections,
  { ids, moment }: { readonly ids: readonly string[]; readonly moment: number },
): Promise<Set<string>> {
  let isOver = false;
  const revoking = race(connections, ids.length, async (store, turn) => {
    await pause(Math.random() * 200);
    const now = moment + Math.floor(Math.random() * 5000);
    await store.sessions.revoke({ id: ids[turn] ?? '' }, { now, reason: 'x' });
  }).finally(() => {
    isOver = true;
  });
  const seen = new Set<string>();
  let after: string | undefined;
  for (let isLast = false; !isLast;) {
    // A store in memory answers without ever letting a timer run.
    await pause(2);
    // One more look after the last revocation.
    isLast = isOver;
    const read = await readOn(connections.two, moment, { after, limit: 7 });
    for (const { id } of read.entries) seen.add(id);
    ({ after } = read);
  }
  await revoking;
  return seen;
}

const BURST = 1100;

export const revocationPageChecks: Readonly<Record<string, Check>> = {
  'revokedSince: returns what was revoked at the given moment or later': async ({ one, two }) => {
    const moment = randomMoment();
    const [early, late] = [await created(one), await created(one)];
    await one.sessions.revoke({ id: early.id }, { now: moment + 1, reason: 'x' });
    await two.sessions.revoke({ id: late.id }, { now: moment + 3, reason: 'x' });
    const all = await readOn(two, moment + 1, { after: undefined, limit: 1000 });
    assert.equal(all.entries.find(({ id }) => id === early.id)?.revokedAt, moment + 1);
    assert.equal(all.entries.find(({ id }) => id === late.id)?.revokedAt, moment + 3);
    // Later pages may hold earlier ones as well.
    const first = await one.sessions.revokedSince(moment + 2);
    assert.ok(!idsOf(first).has(early.id));
    assert.ok(first.every(({ revokedAt }) => revokedAt >= moment + 2));
  },
  'revokedSince: pages that are read while others revoke miss nothing, however late it becomes visible':
    async (connections) => {
      const moment = randomMoment();
      const sessions = await inWaves(connections, 150, (store) => created(store));
      const ids = sessions.map(({ id }) => id);
      const seen = await readWhileOthersRevoke(connections, { ids, moment });
      assert.deepEqual(
        ids.filter((id) => !seen.has(id)),
        [],
      );
    },
  'revokedSince: 1,100 that one selector has revoked at once come in pages, all of them': async (
    connections,
  ) => {
    const moment = randomMoment();
    const userId = randomName();
    const sessions = await inWaves(connections, BURST, (store) => created(store, { userId }));
    const at = { now: moment, reason: 'x' };
    const ended = await connections.one.sessions.revoke({ userId }, at);
    assert.equal(new Set(ended).size, BURST);
    const { entries } = await readOn(connections.two, moment, { after: undefined, limit: 100 });
    const seen = idsOf(entries);
    assert.equal(sessions.filter(({ id }) => seen.has(id)).length, BURST);
  },
  'revokedSince: whoever has read everything is told what is new and can go on from there': async ({
    one,
    two,
  }) => {
    const moment = randomMoment();
    const first = await created(one);
    await one.sessions.revoke({ id: first.id }, { now: moment + 9, reason: 'x' });
    const { after } = await readOn(two, moment, { after: undefined, limit: 1000 });
    assert.notEqual(after, undefined);
    // Revoked by an instance whose clock is behind.
    const second = await created(one);
    await one.sessions.revoke({ id: second.id }, { now: moment + 5, reason: 'x' });
    const news = await readOn(two, moment, { after, limit: 1000 });
    assert.ok(idsOf(news.entries).has(second.id));
    const rest = await readOn(two, moment, { after: news.after, limit: 1000 });
    assert.ok(!idsOf(rest.entries).has(first.id));
  },
  'onRevoked: tells soon of a revocation on another connection, until it is ended': async ({
    one,
    two,
  }) => {
    const calls: true[] = [];
    const stop = two.sessions.onRevoked?.(() => void calls.push(true));
    if (!stop) return;
    const revokeOne = async (): Promise<void> => {
      const { id } = await created(one);
      await one.sessions.revoke({ id }, { now: NOW, reason: 'x' });
      await pause(50);
    };
    // It may miss some, such as those before it has a connection.
    for (let tries = 0; tries < 100 && calls.length === 0; tries += 1) await revokeOne();
    assert.ok(calls.length > 0);
    stop();
    await pause(50);
    const callsBefore = calls.length;
    await revokeOne();
    assert.equal(calls.length, callsBefore);
  },
};
