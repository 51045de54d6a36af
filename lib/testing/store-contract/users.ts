import assert from 'node:assert/strict';
import { awkwardTexts, type Check, NOW, race, randomName } from './connections.js';
import { created, newUser, type NewUser } from './new-user.js';

const finding: Readonly<Record<string, Check>> = {
  'users: found by id, user name and e-mail address, member by member': async ({ one, two }) => {
    const user = await created(one);
    const expected = { ...user, version: 0 };
    assert.deepEqual(await two.users.findById(user.id), expected);
    assert.deepEqual(await two.users.findByLogin(user.username ?? ''), expected);
    assert.deepEqual(await two.users.findByLogin(user.email ?? ''), expected);
  },
  'users: nobody is found by an id as login, by a part of a login, or by a pattern': async ({
    one,
  }) => {
    const { id, email = '', username = '' } = await created(one);
    for (const login of [id, email.slice(1), `${email} `, username.toUpperCase(), '%', '', 'a\0b'])
      assert.equal(await one.users.findByLogin(login), undefined);
    for (const other of [email, '', '__proto__', 'a\0b', '\uD800'])
      assert.equal(await one.users.findById(other), undefined);
  },
  'users: any text survives, and what is undefined stays so': async ({ one, two }) => {
    for (const text of awkwardTexts) {
      const attributes: NewUser['attributes'] = { [`name ${text}`]: text };
      const facts = { username: undefined, passwordHash: undefined, attributes, roles: [text] };
      const user = await created(one, facts);
      const row = await two.users.findById(user.id);
      assert.deepEqual(row, { ...user, version: 0 });
    }
  },
  'users: listed by id, a page at a time': async ({ one, two }) => {
    // Behind nearly all other ids, in a corner of their own.
    const corner = `~${randomName()}`;
    const ids = ['A', 'B', 'Z', 'a', 'b'].map((letter) => `${corner}${letter}`);
    for (const id of ids.toReversed()) await created(one, { id });
    const first = await two.users.list({ after: corner, limit: 2 });
    const second = await two.users.list({ after: first.at(-1)?.id ?? '', limit: 3 });
    assert.deepEqual(
      [...first, ...second].map(({ id }) => id),
      ids,
    );
    assert.ok((await two.users.list({ limit: 1 })).length === 1);
    for (const id of ids) assert.equal(await one.users.delete(id), true);
  },
};

const changing: Readonly<Record<string, Check>> = {
  'users.create: of 20 at once with one login one succeeds': async (connections) => {
    const { email } = newUser();
    const outcomes = await race(connections, 20, (store) => store.users.create(newUser({ email })));
    assert.equal(outcomes.filter((outcome) => outcome === 'created').length, 1);
    assert.ok(await connections.two.users.findByLogin(email ?? ''));
  },
  'users.create: id, user name and e-mail address are each taken once, and nothing is left behind':
    async ({ one, two }) => {
      const user = await created(one);
      for (const member of ['id', 'username', 'email'] as const) {
        const other = newUser({ [member]: user[member] });
        assert.equal(await two.users.create(other), 'taken');
        if (member !== 'id') assert.equal(await one.users.findById(other.id), undefined);
        // The login that was free still is.
        if (member === 'email') await created(one, { username: other.username ?? '' });
      }
      assert.equal((await one.users.findByLogin(user.email ?? ''))?.id, user.id);
    },
  'users.update: changes what is given, counts, and sets the time': async ({ one, two }) => {
    const user = await created(one);
    const set = { roles: [], passwordHash: undefined, disabled: true };
    const changed = await two.users.update(user.id, { version: 0, now: NOW + 9, set });
    const expected = { ...user, ...set, updatedAt: NOW + 9, version: 1 };
    assert.deepEqual(changed, expected);
    assert.deepEqual(await one.users.findById(user.id), expected);
  },
  'users.update: of 20 at once from one version one succeeds': async (connections) => {
    const { id } = await created(connections.one);
    const outcomes = await race(connections, 20, (store, turn) =>
      store.users.update(id, { version: 0, now: NOW, set: { roles: [String(turn)] } }),
    );
    assert.equal(outcomes.filter((outcome) => typeof outcome === 'object').length, 1);
    assert.equal(outcomes.filter((outcome) => outcome === 'stale').length, 19);
  },
  'users.update: a login moves: the new one finds, the old one is free': async ({ one, two }) => {
    const { id, email: before = '' } = await created(one);
    const { email: after = '' } = newUser();
    await two.users.update(id, { version: 0, now: NOW, set: { email: after } });
    assert.equal((await one.users.findByLogin(after))?.id, id);
    assert.equal(await one.users.findByLogin(before), undefined);
    const next = await created(two, { email: before });
    assert.equal((await one.users.findByLogin(before))?.id, next.id);
    await one.users.update(id, { version: 1, now: NOW, set: { email: undefined } });
    await created(two, { email: after });
  },
  'users.update: another’s login is taken, and nothing changes': async ({ one, two }) => {
    const [user, other] = [await created(one), await created(two)];
    const set = { email: other.email, roles: ['changed'] };
    assert.equal(await one.users.update(user.id, { version: 0, now: NOW, set }), 'taken');
    assert.deepEqual(await two.users.findById(user.id), { ...user, version: 0 });
  },
  'users.update: stale at another version, and for nobody': async ({ one }) => {
    const { id } = await created(one);
    const change = { now: NOW, set: { roles: [] } };
    assert.equal(await one.users.update(id, { ...change, version: 1 }), 'stale');
    assert.equal(await one.users.update(randomName(), { ...change, version: 0 }), 'stale');
  },
  'users.delete: once; the logins are free afterwards': async (connections) => {
    const { one, two } = connections;
    const { id, email = '', username = '' } = await created(one);
    const outcomes = await race(connections, 10, (store) => store.users.delete(id));
    assert.equal(outcomes.filter(Boolean).length, 1);
    assert.equal(await two.users.findById(id), undefined);
    assert.equal(await two.users.findByLogin(email), undefined);
    await created(two, { email, username });
  },
  'users: a row is the caller’s to change': async ({ one }) => {
    const roles = ['admin'];
    const { id } = await created(one, { roles });
    roles.push('added later');
    const row = await one.users.findById(id);
    assert.deepEqual(row?.roles, ['admin']);
    if (row) Object.assign(row.attributes, { region: 'changed' });
    assert.equal((await one.users.findById(id))?.attributes['region'], 'eu');
  },
};

export const userChecks: Readonly<Record<string, Check>> = { ...finding, ...changing };
