import assert from 'node:assert/strict';
import {
  type CredentialFilter,
  LASTING_KIND,
  MOST_LISTED_CREDENTIALS,
  type NewCredential,
  type Store,
  type StoredCredential,
} from '../../stores/store.js';
import { awkwardTexts, type Check, inWaves, NOW, race, randomName } from './connections.js';

function newCredential(given: Partial<NewCredential> = {}): NewCredential {
  return {
    resource: undefined,
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

async function created(
  store: Store,
  given: Partial<NewCredential> = {},
): Promise<StoredCredential> {
  const credential = newCredential(given);
  await store.credentials.create(credential);
  const { resource } = credential;
  return { ...credential, resource, lastUsedAt: undefined, revokedAt: undefined };
}

const idsOf = (rows: readonly StoredCredential[]): readonly string[] => rows.map(({ id }) => id);

const finding: Readonly<Record<string, Check>> = {
  'credentials: found by hash and by id, member by member': async ({ one, two }) => {
    for (const [at, text] of awkwardTexts.entries()) {
      const expiresAt = at % 2 === 0 ? undefined : NOW + 1;
      const resource = at % 3 === 0 ? undefined : text;
      const data = awkwardTexts.join();
      const credential = await created(one, { expiresAt, resource, data, kind: text });
      assert.deepEqual(await two.credentials.findByHash(credential.hash), credential);
      assert.deepEqual(await two.credentials.findById(credential.id), credential);
      assert.equal(await two.credentials.findById(credential.hash), undefined);
      assert.equal(await two.credentials.findByHash(credential.id), undefined);
    }
    for (const name of [randomName(), '', 'a\0b']) {
      assert.equal(await one.credentials.findByHash(name), undefined);
      assert.equal(await one.credentials.findById(name), undefined);
    }
  },
  'credentials: one that is created without a resource has none': async ({ one, two }) => {
    const { resource, ...credential } = newCredential();
    await one.credentials.create(credential);
    const row = await two.credentials.findById(credential.id);
    assert.deepEqual(row, { ...credential, resource, lastUsedAt: undefined, revokedAt: undefined });
  },
  'credentials: found also when they are revoked or expired': async ({ one, two }) => {
    const { id, hash } = await created(one, { expiresAt: NOW - 1 });
    await one.credentials.revoke(id, NOW);
    assert.equal((await two.credentials.findById(id))?.revokedAt, NOW);
    assert.equal((await two.credentials.findByHash(hash))?.id, id);
  },
  'credentials: id and hash are each taken once, and nothing is left behind': async ({
    one,
    two,
  }) => {
    const { id, hash, ownerId } = await created(one);
    const other = newCredential({ hash, resource: randomName() });
    await assert.rejects(two.credentials.create(other));
    await assert.rejects(two.credentials.create(newCredential({ id })));
    assert.equal((await one.credentials.findByHash(hash))?.ownerId, ownerId);
    assert.equal(await one.credentials.findById(other.id), undefined);
    assert.deepEqual(await one.credentials.listByOwner(other.ownerId), []);
    assert.deepEqual(await one.credentials.listByResource(other.resource ?? ''), []);
  },
};

/** The two lists, by the member whose value they are asked for. */
const lists = [
  {
    member: 'ownerId',
    list: ({ credentials }: Store, name: string, filter?: CredentialFilter) =>
      credentials.listByOwner(name, filter),
  },
  {
    member: 'resource',
    list: ({ credentials }: Store, name: string, filter?: CredentialFilter) =>
      credentials.listByResource(name, filter),
  },
] as const;

const listing: Readonly<Record<string, Check>> = Object.fromEntries(
  lists.flatMap(({ member, list }): readonly (readonly [string, Check])[] => [
    [
      `credentials: listed by ${member}, the newest first, revoked ones in their place`,
      async ({ one, two }) => {
        const name = randomName();
        const newest = await created(one, { [member]: name, createdAt: NOW + 2 });
        const older = await created(one, { [member]: name });
        const newer = await created(one, { [member]: name, createdAt: NOW + 1 });
        await created(one);
        await one.credentials.revoke(newer.id, NOW + 3);
        const revoked = { ...newer, revokedAt: NOW + 3 };
        assert.deepEqual(await two.credentials.findById(newer.id), revoked);
        assert.deepEqual(await list(two, name), [newest, revoked, older]);
        for (const other of [randomName(), '', name.slice(1), `${name} `])
          assert.deepEqual(await list(two, other), []);
      },
    ],
    [
      `credentials: listed by ${member}, those of one kind`,
      async ({ one, two }) => {
        const name = randomName();
        const key = await created(one, { [member]: name });
        const other = await created(one, { [member]: name, kind: 'other', createdAt: NOW + 1 });
        assert.deepEqual(await list(two, name, { kind: 'api_key' }), [key]);
        assert.deepEqual(await list(two, name, { kind: 'other' }), [other]);
        assert.deepEqual(await list(two, name, { kind: 'api' }), []);
        assert.deepEqual(await list(two, name, {}), [other, key]);
      },
    ],
  ]),
);

const limits: Readonly<Record<string, Check>> = {
  'credentials: a list has a limit, and those in use before those that were revoked': async (
    connections,
  ) => {
    const { one, two } = connections;
    const name = { ownerId: randomName(), resource: randomName() };
    const kept = await created(one, { ...name, createdAt: NOW - 1 });
    await inWaves(connections, MOST_LISTED_CREDENTIALS, (store) => created(store, name));
    const [oldestOfMany] = await one.credentials.listByOwner(name.ownerId);
    const full = await two.credentials.listByOwner(name.ownerId);
    assert.equal(full.length, MOST_LISTED_CREDENTIALS);
    assert.equal(idsOf(full).includes(kept.id), false);
    await one.credentials.revoke(oldestOfMany?.id ?? '', NOW);
    for (const { member, list } of lists) {
      const now = await list(two, name[member]);
      assert.equal(now.length, MOST_LISTED_CREDENTIALS);
      assert.equal(now.at(-1)?.id, kept.id);
      assert.equal(idsOf(now).includes(oldestOfMany?.id ?? ''), false);
    }
  },
};

const changing: Readonly<Record<string, Check>> = {
  'credentials.update: replaces the data that the caller knew, and nothing else': async ({
    one,
    two,
  }) => {
    const credential = await created(one, { data: '{"a":1}' });
    const { id } = credential;
    assert.equal(await two.credentials.update(id, { from: '{"a": 1}', to: 'x' }), false);
    assert.equal(await two.credentials.update(id, { from: '{"a":1}', to: '{"a":2}' }), true);
    assert.equal(await two.credentials.update(id, { from: '{"a":1}', to: '{"a":3}' }), false);
    assert.deepEqual(await one.credentials.findById(id), { ...credential, data: '{"a":2}' });
    assert.equal(await one.credentials.update(randomName(), { from: '', to: 'x' }), false);
  },
  'credentials.update: neither use nor expiry gets into its way; a revocation does': async ({
    one,
    two,
  }) => {
    const { id, data } = await created(one, { expiresAt: NOW - 1 });
    await one.credentials.touch(id, NOW);
    assert.equal(await two.credentials.update(id, { from: data, to: 'two' }), true);
    assert.equal((await one.credentials.findById(id))?.lastUsedAt, NOW);
    await one.credentials.revoke(id, NOW);
    assert.equal(await two.credentials.update(id, { from: 'two', to: 'three' }), false);
    assert.equal((await one.credentials.findById(id))?.data, 'two');
  },
  'credentials.update: of 20 at once from one text one succeeds': async (connections) => {
    const { id, data } = await created(connections.one);
    const outcomes = await race(connections, 20, (store, turn) =>
      store.credentials.update(id, { from: data, to: `turn ${turn}` }),
    );
    assert.equal(outcomes.filter(Boolean).length, 1);
    const row = await connections.one.credentials.findById(id);
    assert.equal(row?.data, `turn ${outcomes.indexOf(true)}`);
  },
  'credentials.touch: never backwards, and nothing for nobody': async ({ one, two }) => {
    const { id, hash } = await created(one);
    await one.credentials.touch(id, NOW + 5);
    await two.credentials.touch(id, NOW + 3);
    await two.credentials.touch(randomName(), NOW);
    assert.equal((await one.credentials.findByHash(hash))?.lastUsedAt, NOW + 5);
  },
  'credentials.revoke: of 20 at once one; the first time stays': async (connections) => {
    const { id, hash } = await created(connections.one);
    const outcomes = await race(connections, 20, (store) => store.credentials.revoke(id, NOW + 1));
    assert.equal(outcomes.filter(Boolean).length, 1);
    assert.equal(await connections.two.credentials.revoke(id, NOW + 9), false);
    assert.equal((await connections.one.credentials.findByHash(hash))?.revokedAt, NOW + 1);
    assert.equal(await connections.one.credentials.revoke(randomName(), NOW), false);
  },
};

// Long ago, so that nothing of anybody else ends with it.
const PAST = 1000;
const LIMIT = 10;

const sweeping: Readonly<Record<string, Check>> = {
  'credentials.sweep: takes in batches what was revoked or has expired, and leaves the rest':
    async (connections) => {
      const { one, two } = connections;
      const ended = await race(connections, 25, async (store, turn) => {
        const expiresAt = [PAST, undefined, NOW][turn % 3];
        const { id } = await created(store, { createdAt: 0, expiresAt });
        if (turn % 3 > 0) await store.credentials.revoke(id, PAST);
        return id;
      });
      const live = [
        await created(one, { expiresAt: PAST + 1 }),
        await created(one, { expiresAt: undefined }),
        await created(one, { kind: LASTING_KIND, expiresAt: PAST }),
      ];
      const [, revokedLater] = live;
      await one.credentials.revoke(revokedLater?.id ?? '', PAST + 1);
      let total = 0;
      for (let swept = LIMIT; swept === LIMIT; total += swept) {
        swept = await two.credentials.sweep(PAST, LIMIT);
        assert.ok(swept <= LIMIT, 'a sweep has deleted more than it was asked to');
      }
      const left = await Promise.all(ended.map((id) => one.credentials.findById(id)));
      // A store that lets them expire by itself deletes nothing here.
      if (total > 0) assert.deepEqual(new Set(left), new Set([undefined]));
      for (const { id, hash, ownerId } of live) {
        assert.equal((await one.credentials.findByHash(hash))?.id, id);
        assert.deepEqual(idsOf(await one.credentials.listByOwner(ownerId)), [id]);
      }
      assert.equal(await one.credentials.sweep(PAST), 0);
    },
  'credentials.sweep: what is gone is on no list, and its hash is free': async ({ one, two }) => {
    const name = { ownerId: randomName(), resource: randomName() };
    const { id, hash } = await created(one, { ...name, expiresAt: PAST });
    if ((await two.credentials.sweep(PAST)) === 0) return;
    assert.equal(await two.credentials.findByHash(hash), undefined);
    assert.deepEqual(await two.credentials.listByOwner(name.ownerId), []);
    assert.deepEqual(await two.credentials.listByResource(name.resource), []);
    const next = await created(two, { id, hash });
    assert.deepEqual(await one.credentials.findByHash(hash), next);
  },
  'credentials.sweep: two at once neither fail nor delete one that lives': async (connections) => {
    await race(connections, 30, (store) => created(store, { expiresAt: PAST }));
    const live = await race(connections, 5, (store) => created(store, { expiresAt: PAST + 1 }));
    await race(connections, 4, (store) => store.credentials.sweep(PAST, LIMIT));
    for (const { id } of live) assert.ok(await connections.one.credentials.findById(id));
  },
};

export const credentialChecks: Readonly<Record<string, Check>> = {
  ...finding,
  ...listing,
  ...limits,
  ...changing,
  ...sweeping,
};
