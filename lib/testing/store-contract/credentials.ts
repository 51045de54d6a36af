import assert from 'node:assert/strict';
import type { StoredCredential } from '../../stores/store.js';
import { awkwardTexts, type Check, NOW, race, randomName } from './connections.js';

type NewCredential = Omit<StoredCredential, 'lastUsedAt' | 'revokedAt'>;

function newCredential(given: Partial<NewCredential> = {}): NewCredential {
  return {
    id: randomName(),
    hash: randomName(),
    kind: 'api_key',
    ownerId: randomName(),
    data: '{"name":"ci"}',
    createdAt: NOW,
    expiresAt: NOW + 1000,
    ...given,
  };
}

export const credentialChecks: Readonly<Record<string, Check>> = {
  'credentials: found by hash, member by member': async ({ one, two }) => {
    for (const expiresAt of [NOW + 1, undefined]) {
      const credential = newCredential({ expiresAt, data: awkwardTexts.join() });
      await one.credentials.create(credential);
      const expected = { ...credential, lastUsedAt: undefined, revokedAt: undefined };
      assert.deepEqual(await two.credentials.findByHash(credential.hash), expected);
    }
    for (const hash of [randomName(), '', 'a\0b'])
      assert.equal(await one.credentials.findByHash(hash), undefined);
  },
  'credentials: id and hash are each taken once': async ({ one, two }) => {
    const credential = newCredential();
    await one.credentials.create(credential);
    const { id, hash, ownerId } = credential;
    await assert.rejects(two.credentials.create(newCredential({ hash })));
    await assert.rejects(two.credentials.create(newCredential({ id })));
    assert.equal((await one.credentials.findByHash(hash))?.ownerId, ownerId);
  },
  'credentials: listed by owner, the newest first': async ({ one, two }) => {
    const ownerId = randomName();
    const older = newCredential({ ownerId });
    const newer = newCredential({ ownerId, createdAt: NOW + 1 });
    await one.credentials.create(newer);
    await one.credentials.create(older);
    await one.credentials.create(newCredential());
    const listed = await two.credentials.listByOwner(ownerId);
    assert.deepEqual(
      listed.map(({ id }) => id),
      [newer.id, older.id],
    );
    assert.deepEqual(await two.credentials.listByOwner(randomName()), []);
  },
  'credentials.touch: never backwards, and nothing for nobody': async ({ one, two }) => {
    const { id, hash } = newCredential();
    await one.credentials.create(newCredential({ id, hash }));
    await one.credentials.touch(id, NOW + 5);
    await two.credentials.touch(id, NOW + 3);
    await two.credentials.touch(randomName(), NOW);
    assert.equal((await one.credentials.findByHash(hash))?.lastUsedAt, NOW + 5);
  },
  'credentials.revoke: of 20 at once one; the first time stays': async (connections) => {
    const { id, hash } = newCredential();
    await connections.one.credentials.create(newCredential({ id, hash }));
    const outcomes = await race(connections, 20, (store) => store.credentials.revoke(id, NOW + 1));
    assert.equal(outcomes.filter(Boolean).length, 1);
    assert.equal(await connections.two.credentials.revoke(id, NOW + 9), false);
    assert.equal((await connections.one.credentials.findByHash(hash))?.revokedAt, NOW + 1);
    assert.equal(await connections.one.credentials.revoke(randomName(), NOW), false);
  },
};
