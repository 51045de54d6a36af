import assert from 'node:assert/strict';
import type { NewSession, Session, SessionSelector, Store } from '../../stores/store.js';
import { awkwardTexts, type Check, NOW, race, randomName } from './connections.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function newSession(given: Partial<NewSession> = {}): NewSession {
  return {
    id: randomName(),
    userId: randomName(),
    kid: 'key-one',
    salt: randomName(),
    generation: 0,
    rotatedAt: NOW,
    createdAt: NOW,
    lastUsedAt: NOW,
    idleExpiresAt: NOW + DAY,
    expiresAt: NOW + 30 * DAY,
    provider: undefined,
    data: '{}',
    ...given,
  };
}

async function created(store: Store, given: Partial<NewSession> = {}): Promise<NewSession> {
  const session = newSession(given);
  await store.sessions.create(session);
  return session;
}

const rotation = { generation: 0, kid: 'key-two', now: NOW + 5, idleExpiresAt: NOW + 2 * DAY };
const end = { now: NOW + 7, reason: 'logout' };

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
  'sessions: a user’s live ones are listed, the one that began last first': async ({
    one,
    two,
  }) => {
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
    const rotated = await two.sessions.rotate(session.id, rotation);
    const expected: Partial<Session> = {
      generation: 1,
      kid: 'key-two',
      rotatedAt: NOW + 5,
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

/** One that is both, one of the subject only, one of the session only, and two that are neither. */
function sessionsOf({ subject, sessionId }: ReturnType<typeof providerNames>): NewSession[] {
  const elsewhere = 'https://other.example';
  return [
    newSession({ provider: { issuer, subject, sessionId } }),
    newSession({ provider: { issuer, subject, sessionId: undefined } }),
    newSession({ provider: { issuer, subject: randomName(), sessionId } }),
    newSession({ provider: { issuer: elsewhere, subject, sessionId } }),
    newSession(),
  ];
}

const revoking: Readonly<Record<string, Check>> = {
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
    assert.deepEqual(await revokedBy(connections, sessionsOf(first), { issuer, ...first }), [0]);
    const second = providerNames();
    const { subject } = second;
    assert.deepEqual(await revokedBy(connections, sessionsOf(second), { issuer, subject }), [0, 1]);
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
  'revokedSince: from the given moment on': async ({ one, two }) => {
    const [early, late] = [await created(one), await created(one)];
    await one.sessions.revoke({ id: early.id }, { now: NOW + 1, reason: 'x' });
    await two.sessions.revoke({ id: late.id }, { now: NOW + 3, reason: 'x' });
    const all = await two.sessions.revokedSince(NOW + 1);
    assert.deepEqual(
      all
        .filter(({ id }) => id === early.id || id === late.id)
        .map(({ revokedAt }) => revokedAt)
        .toSorted((a, b) => a - b),
      [NOW + 1, NOW + 3],
    );
    const some = await one.sessions.revokedSince(NOW + 2);
    assert.ok(!some.some(({ id }) => id === early.id) && some.some(({ id }) => id === late.id));
  },
  'sweep: takes what has ended and leaves what has not': async ({ one, two }) => {
    // Long ago, so that nothing of anybody else ends with it.
    const past = 1000;
    const times = { rotatedAt: 0, createdAt: 0, lastUsedAt: 0 };
    const over = await created(one, { ...times, idleExpiresAt: past, expiresAt: past + 9 });
    const live = await created(one, { ...times, idleExpiresAt: past + 1, expiresAt: past + 9 });
    await two.sessions.sweep(past);
    assert.ok(await one.sessions.get(live.id));
    const left = await one.sessions.get(over.id);
    assert.equal(
      left && (await one.sessions.rotate(over.id, { ...rotation, now: past })),
      undefined,
    );
  },
};

export const sessionChecks: Readonly<Record<string, Check>> = {
  ...reading,
  ...rotating,
  ...updating,
  ...revoking,
};
