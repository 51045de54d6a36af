import assert from 'node:assert/strict';
import { PATIENCE_MS, type Session, type Store } from '../../stores/store.js';
import { awkwardTexts, type Check, NOW, race, randomName } from './connections.js';
import { created, DAY, end, HOUR, newSession, rotation } from './new-session.js';

const reading: Readonly<Record<string, Check>> = {
  'sessions: what was created is there on every connection, member by member': async ({
    one,
    two,
  }) => {
    const provider = { issuer: 'https://idp.example', subject: 'sub', sessionId: 'sid' };
    const session = await created(one, { provider, data: '{"a":1}' });
    const expected = { ...session, version: 0, revokedAt: undefined, revokedReason: undefined };
    assert.deepEqual(await two.sessions.get(session.id), expected);
  },
  'sessions: what is undefined comes back as undefined': async ({ one, two }) => {
    const { id } = await created(one, {
      provider: { issuer: 'https://idp.example', subject: 'sub', sessionId: undefined },
    });
    const row = await two.sessions.get(id);
    assert.equal(row?.provider?.sessionId, undefined);
    assert.equal(row?.revokedAt, undefined);
    const plain = await created(one);
    assert.equal((await two.sessions.get(plain.id))?.provider, undefined);
  },
  'sessions: any text survives, also in ids': async ({ one, two }) => {
    for (const text of awkwardTexts) {
      const session = newSession({ id: `${randomName()}${text}`, userId: text, data: text });
      await one.sessions.create(session);
      const row = await two.sessions.get(session.id);
      assert.deepEqual([row?.id, row?.userId, row?.data], [session.id, text, text]);
      assert.deepEqual(await one.sessions.revoke({ id: session.id }, end), [session.id]);
    }
  },
  'sessions: nothing is found under an id that nobody has, however odd': async ({ one }) => {
    for (const id of [randomName(), '', '__proto__', '%', 'a\0b', '\uD800'])
      assert.equal(await one.sessions.get(id), undefined);
  },
  'sessions: an id is taken once': async ({ one, two }) => {
    const session = await created(one);
    await assert.rejects(two.sessions.create({ ...session, userId: 'somebody else' }));
    assert.equal((await one.sessions.get(session.id))?.userId, session.userId);
  },
  'sessions: a row is the caller’s to change': async ({ one }) => {
    const { id } = await created(one, {
      provider: { issuer: 'https://idp.example', subject: 'sub', sessionId: undefined },
    });
    const row = await one.sessions.get(id);
    if (row?.provider) Object.assign(row.provider, { subject: 'changed' });
    assert.equal((await one.sessions.get(id))?.provider?.subject, 'sub');
  },
};

const rotating: Readonly<Record<string, Check>> = {
  'rotate: of 100 at once one wins': async (connections) => {
    const { id } = await created(connections.one);
    const outcomes = await race(connections, 100, (store) => store.sessions.rotate(id, rotation));
    assert.equal(outcomes.filter((row) => row !== undefined).length, 1);
    assert.equal((await connections.two.sessions.get(id))?.generation, 1);
  },
  'rotate: answers the row as it then is, and leaves the version alone': async ({ one, two }) => {
    const session = await created(one);
    const calledAt = performance.now();
    const rotated = await two.sessions.rotate(session.id, rotation);
    const tookMs = performance.now() - calledAt;
    const heldUpMs = (rotated?.rotatedAt ?? 0) - rotation.now;
    // What a busy machine was slow with counts as time that the statement was held up.
    assert.ok(heldUpMs === 0 || (tookMs >= 100 && heldUpMs > 0 && heldUpMs < PATIENCE_MS));
    const expected: Partial<Session> = {
      generation: 1,
      kid: 'key-two',
      lastUsedAt: NOW + 5,
      idleExpiresAt: NOW + 2 * DAY,
      expiresAt: session.expiresAt,
      version: 0,
    };
    assert.deepEqual({ ...rotated, ...expected }, rotated);
    assert.deepEqual(await one.sessions.get(session.id), rotated);
  },
  'rotate: the idle limit never passes the absolute one, which never moves': async ({ one }) => {
    const { id } = await created(one, { expiresAt: NOW + DAY });
    const rotated = await one.sessions.rotate(id, rotation);
    assert.deepEqual([rotated?.idleExpiresAt, rotated?.expiresAt], [NOW + DAY, NOW + DAY]);
  },
  'rotate: nothing happens at another generation, after a limit, after revocation, or to nobody':
    async ({ one, two }) => {
      const { id } = await created(one);
      assert.equal(await two.sessions.rotate(id, { ...rotation, generation: 1 }), undefined);
      assert.equal(await two.sessions.rotate(id, { ...rotation, now: NOW + DAY }), undefined);
      const short = await created(one, { expiresAt: NOW + HOUR, idleExpiresAt: NOW + HOUR });
      assert.equal(
        await two.sessions.rotate(short.id, { ...rotation, now: NOW + HOUR }),
        undefined,
      );
      assert.ok(await two.sessions.rotate(id, { ...rotation, now: NOW + DAY - 1 }));
      const revoked = await created(one);
      await one.sessions.revoke({ id: revoked.id }, end);
      assert.equal(await two.sessions.rotate(revoked.id, rotation), undefined);
      assert.equal((await one.sessions.get(revoked.id))?.generation, 0);
      assert.equal(await one.sessions.rotate(randomName(), rotation), undefined);
    },
};

/** Adds 1 to a counter in the data, again until no other request was faster. */
async function count(store: Store, id: string): Promise<void> {
  const row = await store.sessions.get(id);
  if (!row) throw new Error('the session is gone');
  const data = JSON.stringify({ count: Number(JSON.parse(row.data).count) + 1 });
  const updated = await store.sessions.update(id, { version: row.version, data });
  if (!updated) await count(store, id);
}

const updating: Readonly<Record<string, Check>> = {
  'update: 20 at once that try again lose nothing, beside rotations': async (connections) => {
    const { id } = await created(connections.one, { data: '{"count":0}' });
    await race(connections, 20, async (store, turn) => {
      await count(store, id);
      await store.sessions.rotate(id, { ...rotation, generation: turn });
    });
    const row = await connections.one.sessions.get(id);
    assert.deepEqual([row?.data, row?.version], ['{"count":20}', 20]);
  },
  'update: changes what is given and nothing else': async ({ one, two }) => {
    const session = await created(one, { data: 'before' });
    const used = await two.sessions.update(session.id, { version: 0, lastUsedAt: NOW + 1 });
    assert.deepEqual([used?.lastUsedAt, used?.data, used?.version], [NOW + 1, 'before', 1]);
    const idle = await two.sessions.update(session.id, {
      version: 1,
      idleExpiresAt: NOW + 90 * DAY,
    });
    assert.equal(idle?.idleExpiresAt, session.expiresAt);
    const data = await two.sessions.update(session.id, { version: 2, data: '' });
    assert.deepEqual([data?.data, data?.lastUsedAt], ['', NOW + 1]);
  },
  'update: nothing happens at another version, after revocation, or to nobody': async ({ one }) => {
    const { id } = await created(one);
    assert.equal(await one.sessions.update(id, { version: 1, data: 'x' }), undefined);
    await one.sessions.revoke({ id }, end);
    assert.equal(await one.sessions.update(id, { version: 0, data: 'x' }), undefined);
    assert.equal(await one.sessions.update(randomName(), { version: 0, data: 'x' }), undefined);
  },
};

export const sessionChecks: Readonly<Record<string, Check>> = {
  ...reading,
  ...rotating,
  ...updating,
};
