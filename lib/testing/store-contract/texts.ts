import assert from 'node:assert/strict';
import type {
  NewCredential,
  NewSession,
  SessionSelector,
  Store,
  UserChange,
} from '../../stores/store.js';
import { type Check, NOW, randomName } from './connections.js';
import { newSession } from './new-session.js';
import { newUser, type NewUser } from './new-user.js';
import { assertWhole, keptNames, lookalikes, oddTexts } from './odd-texts.js';

function sessionsWith(text: string): readonly NewSession[] {
  const provider = { issuer: 'https://idp.example', subject: randomName(), sessionId: 'sid' };
  return [
    newSession({ id: `${randomName()}${text}` }),
    newSession({ userId: text }),
    newSession({ kid: text }),
    newSession({ salt: text }),
    newSession({ data: text }),
    newSession({ provider: { ...provider, issuer: text } }),
    newSession({ provider: { ...provider, subject: text } }),
    newSession({ provider: { ...provider, sessionId: text } }),
  ];
}

function usersWith(text: string): readonly NewUser[] {
  return [
    newUser({ id: `${randomName()}${text}` }),
    newUser({ username: `${randomName()}${text}` }),
    newUser({ email: `${randomName()}@${text}` }),
    newUser({ passwordHash: text }),
    newUser({ roles: [text], groups: [text, text] }),
    newUser({ attributes: { [`name ${text}`]: text, list: [text] } }),
    newUser({ orgs: [{ id: text, roles: [text], isDefault: false }] }),
  ];
}

const writing: Readonly<Record<string, Check>> = {
  'sessions: any text is kept exactly or refused as a whole': async ({ one, two }) => {
    for (const text of oddTexts)
      for (const session of sessionsWith(text))
        await assertWhole(
          () => one.sessions.create(session),
          () => two.sessions.get(session.id),
          { ...session, version: 0, revokedAt: undefined, revokedReason: undefined },
        );
  },
  'sessions.update: any text is kept exactly or refused without a change': async ({ one, two }) => {
    for (const data of oddTexts) {
      const session = newSession();
      await one.sessions.create(session);
      const changed = await one.sessions
        .update(session.id, { version: 0, data })
        .catch(() => undefined);
      const row = await two.sessions.get(session.id);
      assert.deepEqual([row?.data, row?.version], changed ? [data, 1] : [session.data, 0]);
    }
  },
  'users: any text is kept exactly or refused as a whole': async ({ one, two }) => {
    for (const text of oddTexts)
      for (const user of usersWith(text)) {
        await assertWhole(
          () => one.users.create(user),
          () => two.users.findById(user.id),
          { ...user, version: 0 },
        );
        const isThere = (await two.users.findById(user.id)) !== undefined;
        for (const login of [user.username ?? '', user.email ?? '']) {
          const found = await two.users.findByLogin(login);
          assert.equal(found?.id, isThere ? user.id : undefined);
        }
      }
  },
  'users.update: any text is kept exactly or refused without a change': async ({ one, two }) => {
    for (const text of oddTexts) {
      const sets: readonly UserChange[] = [
        { username: `${randomName()}${text}` },
        { email: `${randomName()}@${text}` },
        { passwordHash: text, roles: [text] },
      ];
      for (const set of sets) {
        const user = newUser();
        await one.users.create(user);
        const change = { version: 0, now: NOW + 1, set };
        const changed = await one.users.update(user.id, change).catch(() => undefined);
        const expected = changed
          ? { ...user, ...set, updatedAt: NOW + 1, version: 1 }
          : { ...user, version: 0 };
        assert.deepEqual(await two.users.findById(user.id), expected);
        // Neither has a refused login been claimed, nor the former one been given up.
        assert.equal((await two.users.findByLogin(expected.email ?? ''))?.id, user.id);
      }
    }
  },
  'once: any text is kept exactly or refused, in keys and in values': async ({ one, two }) => {
    const life = { now: NOW, expiresAt: NOW + 1000 };
    for (const text of oddTexts)
      for (const [key, value] of [
        [`${randomName()}${text}`, 'value'],
        [randomName(), text],
      ] as const)
        await assertWhole(
          () => one.once.add(key, value, life),
          () => two.once.take(key, NOW),
          value,
        );
  },
  'once.incr: a key that is refused takes no count with it that comes at the same time': async ({
    one,
  }) => {
    const count = { now: NOW, windowMs: 1000 };
    for (const text of oddTexts.filter(({ length }) => length < 100)) {
      const key = `${randomName()}${text}`;
      const [odd, plain] = await Promise.allSettled([
        one.once.incr(key, count),
        one.once.incr(randomName(), count),
      ]);
      assert.equal(plain.status === 'fulfilled' && plain.value.count, 1);
      if (odd.status === 'fulfilled') assert.equal((await one.once.incr(key, count)).count, 2);
    }
  },
  'credentials: any text is kept exactly or refused as a whole': async ({ one, two }) => {
    for (const text of oddTexts) {
      const common = { kind: 'kind', data: '{}', createdAt: NOW, expiresAt: undefined };
      const ids = () => ({ id: randomName(), hash: randomName(), ownerId: randomName() });
      for (const credential of [
        { ...common, ...ids(), id: `${randomName()}${text}` },
        { ...common, ...ids(), hash: `${randomName()}${text}` },
        { ...common, ...ids(), ownerId: `${randomName()}${text}` },
        { ...common, ...ids(), kind: text, data: text },
        { ...common, ...ids(), resource: `${randomName()}${text}` },
      ]) {
        const { resource }: NewCredential = credential;
        const ended = { lastUsedAt: undefined, revokedAt: undefined };
        const expected = { ...credential, resource, ...ended };
        await assertWhole(
          () => one.credentials.create(credential),
          () => two.credentials.findByHash(credential.hash),
          expected,
        );
        const isThere = (await two.credentials.findByHash(credential.hash)) !== undefined;
        const ofOwner = await two.credentials.listByOwner(credential.ownerId);
        assert.deepEqual(ofOwner, isThere ? [expected] : []);
        assert.deepEqual(await two.credentials.findById(credential.id), ofOwner[0]);
        if (resource !== undefined)
          assert.deepEqual(await two.credentials.listByResource(resource), ofOwner);
      }
    }
  },
  'credentials.update: any text is kept exactly or refused without a change': async ({
    one,
    two,
  }) => {
    for (const text of oddTexts) {
      const ids = { id: randomName(), hash: randomName(), ownerId: randomName() };
      const created = { ...ids, kind: 'kind', data: '{}', createdAt: NOW, expiresAt: undefined };
      await one.credentials.create(created);
      const update = { from: '{}', to: text };
      const isKept = await one.credentials.update(ids.id, update).catch(() => false);
      assert.equal((await two.credentials.findById(ids.id))?.data, isKept ? text : '{}');
      const back = { from: text, to: '{}' };
      assert.equal(await two.credentials.update(ids.id, back), isKept);
    }
  },
};

/** Everything that a row of this name can be found or changed by, with what comes of it when nobody has the name. */
async function assertNothingUnder(store: Store, name: string): Promise<void> {
  const end = { now: NOW, reason: 'x' };
  const rotation = { generation: 0, kid: 'k', now: NOW, idleExpiresAt: NOW + 1 };
  assert.equal(await store.sessions.get(name), undefined);
  assert.equal(await store.sessions.rotate(name, rotation), undefined);
  assert.equal(await store.sessions.update(name, { version: 0, lastUsedAt: NOW }), undefined);
  assert.deepEqual(await store.sessions.listByUser(name, NOW), []);
  const selectors: readonly SessionSelector[] = [
    { id: name },
    { userId: name },
    { issuer: name, subject: name },
    { issuer: name, sessionId: name },
  ];
  for (const selector of selectors)
    assert.deepEqual(await store.sessions.revoke(selector, end), []);
  assert.equal(await store.users.findByLogin(name), undefined);
  assert.equal(await store.users.findById(name), undefined);
  assert.equal(await store.users.update(name, { version: 0, now: NOW, set: {} }), 'stale');
  assert.equal(await store.users.delete(name), false);
  assert.equal(await store.once.take(name, NOW), undefined);
  await store.once.del(name);
  assert.equal(await store.credentials.findByHash(name), undefined);
  assert.deepEqual(await store.credentials.listByOwner(name), []);
  await store.credentials.touch(name, NOW);
  assert.equal(await store.credentials.revoke(name, NOW), false);
  assert.equal(await store.credentials.findById(name), undefined);
  assert.deepEqual(await store.credentials.listByResource(name), []);
  assert.equal(await store.credentials.update(name, { from: '{}', to: 'x' }), false);
}

const looking: Readonly<Record<string, Check>> = {
  'every look-up: text that is nearly a name, or that no row can have, finds and changes nothing':
    async ({ one, two }) => {
      const name = `~${randomName()}`;
      for (const kept of keptNames(name)) {
        const provider = { issuer: kept, subject: kept, sessionId: kept };
        await one.sessions.create(newSession({ id: kept, userId: kept, provider }));
        await one.users.create(newUser({ id: kept, username: kept }));
        await one.once.add(kept, 'value', { now: NOW, expiresAt: NOW + 1 });
        const ids = { id: kept, hash: kept, ownerId: kept, kind: 'kind', data: '{}' };
        await one.credentials.create({ ...ids, createdAt: NOW, expiresAt: undefined });
      }
      for (const other of [...lookalikes(name), '\0', '\uD800'])
        await assertNothingUnder(two, other);
      for (const kept of keptNames(name)) {
        assert.equal((await one.sessions.get(kept))?.version, 0);
        assert.equal((await one.sessions.get(kept))?.revokedAt, undefined);
        assert.equal((await one.users.findByLogin(kept))?.id, kept);
        assert.equal(await one.once.take(kept, NOW), 'value');
        assert.equal((await one.credentials.findByHash(kept))?.lastUsedAt, undefined);
        assert.equal(await one.users.delete(kept), true);
      }
    },
  'sessions.revoke: an exception that no session can have spares none': async ({ one, two }) => {
    for (const except of ['nul \0', '\uD800', '']) {
      const { id, userId } = newSession();
      await one.sessions.create(newSession({ id, userId }));
      const end = { now: NOW, reason: 'x' };
      assert.deepEqual(await two.sessions.revoke({ userId, except }, end), [id]);
    }
  },
};

export const textChecks: Readonly<Record<string, Check>> = { ...writing, ...looking };
