import { memoryStore, type NewSession, type StoredUser } from 'latchkey';
import { describe, expect, it } from 'vitest';

const DAY_MS = 86_400_000;

const session = (id: string, changes: Partial<NewSession> = {}): NewSession => ({
  id,
  userId: 'somebody',
  kid: 'k1',
  salt: 'salt',
  generation: 0,
  rotatedAt: 0,
  createdAt: 0,
  lastUsedAt: 0,
  idleExpiresAt: DAY_MS,
  expiresAt: 2 * DAY_MS,
  provider: undefined,
  data: '{}',
  ...changes,
});

const user = (id: string, changes: Partial<StoredUser> = {}): Omit<StoredUser, 'version'> => ({
  id,
  username: undefined,
  email: undefined,
  emailVerified: false,
  passwordHash: undefined,
  mustResetPassword: false,
  disabled: false,
  roles: [],
  groups: [],
  attributes: {},
  orgs: [],
  createdAt: 0,
  updatedAt: 0,
  ...changes,
});

describe('the indexes of the memory store', () => {
  it('a sweep finds what ended earlier or later than it was to end at first, in batches, and nothing else', async () => {
    const { sessions } = memoryStore();
    const ids = Array.from({ length: 100 }, (_, at) => `session ${at}`);
    // In no order.
    for (const [at, id] of ids.entries())
      await sessions.create(session(id, { idleExpiresAt: 1000 + ((at * 37) % 100) }));
    const rotation = { generation: 0, kid: 'k1', now: 1, idleExpiresAt: 5000 };
    await sessions.rotate('session 0', rotation); // was to end at 1000
    await sessions.update('session 1', { version: 0, idleExpiresAt: 5 }); // was to end at 1037
    await sessions.revoke({ id: 'session 2' }, { now: 7, reason: 'logout' });

    expect(await sessions.sweep(4)).toBe(0);
    expect(await sessions.sweep(10)).toBe(2);
    expect(await sessions.sweep(1099, 90)).toBe(90);
    expect(await sessions.sweep(1099, 90)).toBe(7);
    expect(await sessions.sweep(4999)).toBe(0);
    expect(await sessions.get('session 0')).toBeDefined();
    expect(await sessions.sweep(5000)).toBe(1);
  });

  it('pages of revocations go on behind the last one, whatever was swept between', async () => {
    const { sessions } = memoryStore();
    const ids = Array.from({ length: 50 }, (_, at) => `session ${at}`);
    for (const id of ids) await sessions.create(session(id));
    for (const [at, id] of ids.entries())
      await sessions.revoke({ id }, { now: at < 30 ? at : 100 + at, reason: 'logout' });
    const first = await sessions.revokedSince(0, { limit: 20 });
    expect(first.map(({ id }) => id)).toEqual(ids.slice(0, 20));
    expect(await sessions.sweep(40)).toBe(30);
    const rest = await sessions.revokedSince(0, { after: first.at(-1)?.position });
    expect(rest.map(({ id }) => id)).toEqual(ids.slice(30));
    expect((await sessions.revokedSince(140)).map(({ id }) => id)).toEqual(ids.slice(40));

    await sessions.create(session('session 0'));
    await sessions.revoke({ id: 'session 0' }, { now: 50, reason: 'logout' });
    const again = await sessions.revokedSince(0, { after: rest.at(-1)?.position });
    expect(again.map(({ id }) => id)).toEqual(['session 0']);
  });

  it('a login that a user gave up is free, and one that was refused stays with its owner', async () => {
    const { users } = memoryStore();
    await users.create(user('one', { username: 'ann', email: 'ann@example.com' }));
    await users.create(user('two', { username: 'ben' }));
    const set = { username: 'ann' };
    expect(await users.update('two', { version: 0, now: 1, set })).toBe('taken');
    expect(await users.findByLogin('ben')).toMatchObject({ id: 'two' });
    await users.update('one', { version: 0, now: 1, set: { username: 'eve', email: undefined } });
    expect(await users.findByLogin('ann')).toBeUndefined();
    expect(await users.findByLogin('ann@example.com')).toBeUndefined();
    expect(await users.update('two', { version: 0, now: 1, set })).toMatchObject({ id: 'two' });
    expect(await users.delete('two')).toBe(true);
    expect(await users.create(user('three', set))).toBe('created');
    expect((await users.list({ limit: 10 })).map(({ id }) => id)).toEqual(['one', 'three']);
  });

  it('a one-time value that was replaced lives until its own end', async () => {
    const { once } = memoryStore();
    await once.add('code', 'old', { now: 0, expiresAt: 10 });
    await once.add('code', 'new', { now: 10, expiresAt: 30 });
    expect(await once.sweep(20)).toBe(0);
    expect(await once.take('code', 20)).toBe('new');
    expect(await once.sweep(30)).toBe(0);
  });
});
