import assert from 'node:assert/strict';
import type { JoinedSessions, Store } from '../../stores/store.js';
import { type Check, type Connections, NOW, race, randomName } from './connections.js';
import { created as createdSession, end, newSession } from './new-session.js';
import { created as createdUser } from './new-user.js';

/** For stores that have joined operations; others promise nothing here. */
function withJoined(
  check: (connections: Connections, joined: JoinedSessions) => Promise<void>,
): Check {
  return async (connections) => {
    const { joined } = connections.one.sessions;
    if (joined) await check(connections, joined);
  };
}

const changes: readonly ((store: Store, id: string) => Promise<unknown>)[] = [
  (store, id) => store.users.update(id, { version: 0, now: NOW, set: { disabled: true } }),
  (store, id) => store.users.update(id, { version: 0, now: NOW, set: { passwordHash: 'new' } }),
  (store, id) => store.users.delete(id),
];

export const joinedChecks: Readonly<Record<string, Check>> = {
  'joined.get: returns a session with its user, or with nobody when the user is gone': withJoined(
    async ({ one, two }, joined) => {
      assert.equal(joined.users, one.users);
      const { id: userId } = await createdUser(two);
      const { id } = await createdSession(two, { userId });
      const found = await joined.get(id);
      assert.deepEqual(found?.session, await two.sessions.get(id));
      assert.deepEqual(found?.user, await two.users.findById(userId));
      const orphan = await createdSession(two);
      const row = await joined.get(orphan.id);
      assert.deepEqual([row?.session.id, row?.user], [orphan.id, undefined]);
      for (const other of [randomName(), '', 'a\0b', '\uD800', userId])
        assert.equal(await joined.get(other), undefined);
    },
  ),
  'joined.create: adds a session for a user who is as the caller saw them, and for no other':
    withJoined(async ({ two }, joined) => {
      const { id: userId } = await createdUser(two);
      const session = newSession({ userId });
      assert.equal(await joined.create(session, 0), true);
      assert.deepEqual((await two.sessions.get(session.id))?.userId, userId);
      await assert.rejects(joined.create(session, 0));
      const refused = newSession({ userId });
      assert.equal(await joined.create(refused, 1), false);
      const { id: disabled } = await createdUser(two, { disabled: true });
      const ofDisabled = newSession({ userId: disabled });
      assert.equal(await joined.create(ofDisabled, 0), false);
      const ofNobody = newSession();
      assert.equal(await joined.create(ofNobody, 0), false);
      for (const { id } of [refused, ofDisabled, ofNobody])
        assert.equal(await two.sessions.get(id), undefined);
    }),
  'joined.create: beside a change of the user it either comes too late, or its session is seen by who revokes next':
    withJoined(async (connections, joined) => {
      const { two } = connections;
      await race(connections, 51, async (_store, turn) => {
        const { id: userId } = await createdUser(two);
        const [, isCreated] = await Promise.all([
          changes[turn % changes.length]?.(two, userId).then(() =>
            two.sessions.revoke({ userId }, end),
          ),
          joined.create(newSession({ userId }), 0),
        ]);
        const live = await two.sessions.listByUser(userId, NOW);
        assert.equal(live.length, 0, `a session outlived the change (created: ${isCreated})`);
      });
    }),
  'together: operations run as they do alone, and a failure is the caller’s own': async ({
    one,
    two,
  }) => {
    const { together } = one;
    if (!together) return;
    const session = newSession();
    const row = await together(async () => {
      await one.sessions.create(session);
      return one.sessions.get(session.id);
    });
    assert.equal(row?.id, session.id);
    assert.equal((await two.sessions.get(session.id))?.id, session.id);
    const failure = new Error('of the caller');
    await assert.rejects(
      together(() => Promise.reject(failure)),
      (error) => error === failure,
    );
  },
  'together: more at once than there are connections all come to an end, failed ones included':
    async ({ one }) => {
      const { together } = one;
      if (!together) return;
      const outcomes = await Promise.allSettled(
        Array.from({ length: 60 }, (_, turn) =>
          together(async () => {
            const { id } = await createdSession(one);
            if (turn % 3 === 0) throw new Error('of the caller');
            return (await one.sessions.get(id))?.id === id;
          }),
        ),
      );
      assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 20);
      assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' || outcome.value));
      await one.ping();
    },
};
