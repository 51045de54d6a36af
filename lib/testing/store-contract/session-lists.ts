import assert from 'node:assert/strict';
import type { Session, Store } from '../../stores/store.js';
import { type Check, inWaves, NOW, race, randomName } from './connections.js';
import { created, DAY, end, HOUR } from './new-session.js';

const LIMIT = 60;

async function pagesOf(store: Store, userId: string, now: number): Promise<readonly Session[]> {
  const rows: Session[] = [];
  for (;;) {
    const page = await store.sessions.listByUser(userId, now, { after: rows.at(-1), limit: LIMIT });
    assert.ok(page.length <= LIMIT, 'a page has more sessions than were asked for');
    rows.push(...page);
    if (page.length < LIMIT) return rows;
  }
}

/** By `expiresAt` and then `id`, both descending. */
function isInOrder(rows: readonly Session[]): boolean {
  return rows.every((row, at) => {
    const next = rows[at + 1];
    if (!next) return true;
    return row.expiresAt === next.expiresAt ? row.id > next.id : row.expiresAt > next.expiresAt;
  });
}

export const sessionListChecks: Readonly<Record<string, Check>> = {
  'listByUser: a user’s live sessions, the one that began last first': async ({ one, two }) => {
    const userId = randomName();
    const newer = await created(two, { userId });
    const older = await created(one, { userId, expiresAt: NOW + 29 * DAY, lastUsedAt: NOW + 1 });
    const revoked = await created(one, { userId });
    await one.sessions.revoke({ id: revoked.id }, end);
    await created(one, { userId, idleExpiresAt: NOW + 1 });
    await created(one, { userId, expiresAt: NOW + 1, idleExpiresAt: NOW + 1 });
    await created(one);
    const listed = await two.sessions.listByUser(userId, NOW + 1);
    assert.deepEqual(
      listed.map(({ id }) => id),
      [newer.id, older.id],
    );
    assert.deepEqual(await two.sessions.listByUser(randomName(), NOW), []);
  },
  'listByUser: 250 sessions come in pages, in order, none twice and none that has ended': async (
    connections,
  ) => {
    const { one, two } = connections;
    const userId = randomName();
    // Ten began in each hour, so that ids decide as well.
    const sessions = await inWaves(connections, 250, (store, turn) =>
      created(store, {
        userId,
        expiresAt: NOW + 20 * DAY + (turn % 25) * HOUR,
        idleExpiresAt: turn % 5 === 0 ? NOW + 1 : NOW + DAY,
      }),
    );
    const live = sessions.filter(({ idleExpiresAt }) => idleExpiresAt > NOW + 1);
    for (const { id } of live.splice(0, 10)) await one.sessions.revoke({ id }, end);
    const rows = await pagesOf(two, userId, NOW + 1);
    assert.ok(isInOrder(rows));
    assert.deepEqual(rows.map(({ id }) => id).toSorted(), live.map(({ id }) => id).toSorted());
    assert.deepEqual(await two.sessions.listByUser(userId, NOW + 1), rows.slice(0, 100));
  },
  'listByUser: pages skip no session that lives, although others end and begin between them':
    async ({ one, two }) => {
      const userId = randomName();
      const sessions = await inWaves({ one, two }, LIMIT * 2, (store) =>
        created(store, { userId }),
      );
      const first = await one.sessions.listByUser(userId, NOW, { limit: LIMIT });
      for (const { id } of first.slice(0, 20)) await two.sessions.revoke({ id }, end);
      await race({ one, two }, 5, (store) =>
        created(store, { userId, expiresAt: NOW + 30 * DAY + 1 }),
      );
      const after = first.at(-1);
      const second = await one.sessions.listByUser(userId, NOW, { after, limit: LIMIT });
      assert.deepEqual(
        [...first, ...second].map(({ id }) => id).toSorted(),
        sessions.map(({ id }) => id).toSorted(),
      );
    },
};
