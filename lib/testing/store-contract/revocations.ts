import assert from 'node:assert/strict';
import type { NewSession, SessionSelector, Store } from '../../stores/store.js';
import { type Check, NOW, race, randomName } from './connections.js';
import { created, end, newSession, rotation } from './new-session.js';

const issuer = 'https://idp.example';

/** Sessions of one user, of which the selector means some. */
async function revokedBy(
  { one, two }: { one: Store; two: Store },
  sessions: readonly NewSession[],
  selector: SessionSelector,
): Promise<readonly number[]> {
  for (const session of sessions) await one.sessions.create(session);
  const ids = await two.sessions.revoke(selector, end);
  const found = sessions.flatMap(({ id }, at) => (ids.includes(id) ? [at] : []));
  assert.equal(found.length, ids.length);
  for (const [at, { id }] of sessions.entries())
    assert.equal((await one.sessions.get(id))?.revokedAt, found.includes(at) ? end.now : undefined);
  return found;
}

function providerNames() {
  return { subject: randomName(), sessionId: randomName() };
}

/** One that is both, one of the subject only, one of the session only, two that are neither, and one of the subject in another session. */
function sessionsOf({ subject, sessionId }: ReturnType<typeof providerNames>): NewSession[] {
  const elsewhere = 'https://other.example';
  return [
    newSession({ provider: { issuer, subject, sessionId } }),
    newSession({ provider: { issuer, subject, sessionId: undefined } }),
    newSession({ provider: { issuer, subject: randomName(), sessionId } }),
    newSession({ provider: { issuer: elsewhere, subject, sessionId } }),
    newSession(),
    newSession({ provider: { issuer, subject, sessionId: randomName() } }),
  ];
}

export const revocationChecks: Readonly<Record<string, Check>> = {
  'revoke: by id, and once only': async (connections) => {
    const { id } = await created(connections.one);
    const outcomes = await race(connections, 20, (store) => store.sessions.revoke({ id }, end));
    assert.deepEqual(outcomes.flat(), [id]);
    assert.deepEqual(await connections.one.sessions.revoke({ id: randomName() }, end), []);
  },
  'revoke: the first time and reason stay, and nothing makes it live again': async ({
    one,
    two,
  }) => {
    const { id } = await created(one);
    await one.sessions.revoke({ id }, end);
    await two.sessions.revoke({ id }, { now: NOW + 99, reason: 'later' });
    await two.sessions.rotate(id, rotation);
    const row = await two.sessions.get(id);
    assert.deepEqual([row?.revokedAt, row?.revokedReason], [end.now, 'logout']);
  },
  'revoke: by user, with and without an exception': async (connections) => {
    const userId = randomName();
    const sessions = [newSession({ userId }), newSession({ userId }), newSession()];
    assert.deepEqual(await revokedBy(connections, sessions, { userId }), [0, 1]);
    const other = randomName();
    const more = [newSession({ userId: other }), newSession({ userId: other })];
    const except = more[0]?.id ?? '';
    assert.deepEqual(await revokedBy(connections, more, { userId: other, except }), [1]);
  },
  'revoke: by a provider’s subject, session, or both': async (connections) => {
    const first = providerNames();
    const both = await revokedBy(connections, sessionsOf(first), { issuer, ...first });
    assert.deepEqual(both, [0, 1]);
    const second = providerNames();
    const { subject } = second;
    const bySubject = await revokedBy(connections, sessionsOf(second), { issuer, subject });
    assert.deepEqual(bySubject, [0, 1, 5]);
    const third = providerNames();
    const { sessionId } = third;
    assert.deepEqual(
      await revokedBy(connections, sessionsOf(third), { issuer, sessionId }),
      [0, 2],
    );
  },
  'revoke: beside 20 creations, every session of the user is either revoked or later': async (
    connections,
  ) => {
    const userId = randomName();
    await race(connections, 20, (store) => created(store, { userId }));
    const rotations = race(connections, 10, async (store) => {
      for (const { id, generation } of await store.sessions.listByUser(userId, NOW))
        await store.sessions.rotate(id, { ...rotation, generation });
    });
    const [ended] = await Promise.all([
      connections.one.sessions.revoke({ userId }, end),
      rotations,
    ]);
    assert.equal(ended.length, 20);
    assert.deepEqual(await connections.two.sessions.listByUser(userId, NOW), []);
  },
};
