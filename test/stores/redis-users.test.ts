import { Redis } from 'ioredis';
import { redisStore, type Store } from 'latchkey';
import { afterAll, describe, expect, it } from 'vitest';
import { isMissing, redisUrl } from '../world/services.js';

type User = Parameters<Store['users']['create']>[0];

const user = (id: string, change: Partial<User> = {}): User => ({
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
  createdAt: 1,
  updatedAt: 1,
  ...change,
});

describe.skipIf(await isMissing('Redis', redisUrl))('users in Redis', () => {
  const prefix = `latchkey-users-${process.pid}-${Date.now()}:`;
  const clients = [new Redis(redisUrl), new Redis(redisUrl)];
  const [one, two] = clients.map((client) => redisStore(client, { prefix }).users);
  if (!one || !two) throw new Error('no stores');
  const [client] = clients;

  afterAll(async () => {
    const keys = (await client?.keys(`${prefix}*`)) ?? [];
    if (keys.length > 0) await client?.del(...keys);
    for (const each of clients) each.disconnect();
  });

  describe('W11: one login that two want at once', () => {
    it('of two who are created with it one is, and keeps it', async () => {
      await Promise.all(
        Array.from({ length: 100 }, async (_, run) => {
          const [email, username] = [`e${run}@example.com`, `u${run}`];
          const outcomes = await Promise.all([
            one.create(user(`a${run}`, { email, username: `a${run}` })),
            two.create(user(`b${run}`, { email, username })),
          ]);
          expect(outcomes.toSorted()).toEqual(['created', 'taken']);
          const winner = outcomes[0] === 'created' ? `a${run}` : `b${run}`;
          expect((await one.findByLogin(email))?.id).toBe(winner);
          expect(await two.create(user(`c${run}`, { email }))).toBe('taken');
          // What the loser had of its own is free again.
          const left = winner === `a${run}` ? username : `a${run}`;
          expect(await two.create(user(`d${run}`, { username: left }))).toBe('created');
        }),
      );
    });

    it('of two who change to it one does, and keeps it', async () => {
      await Promise.all(
        Array.from({ length: 100 }, async (_, run) => {
          const email = `x${run}@example.com`;
          await Promise.all([one.create(user(`x${run}`)), two.create(user(`y${run}`))]);
          const change = { version: 0, now: 2, set: { email } };
          const outcomes = await Promise.all([
            one.update(`x${run}`, change),
            two.update(`y${run}`, change),
          ]);
          expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(1);
          const winner = outcomes[0] === 'taken' ? `y${run}` : `x${run}`;
          expect((await one.findByLogin(email))?.id).toBe(winner);
          expect(await two.create(user(`z${run}`, { email }))).toBe('taken');
        }),
      );
    });

    it('of two changes of one user one is made, and the login stays taken', async () => {
      await Promise.all(
        Array.from({ length: 100 }, async (_, run) => {
          const [id, email] = [`s${run}`, `s${run}@example.com`];
          await one.create(user(id));
          const change = { version: 0, now: 2, set: { email } };
          const outcomes = await Promise.all([
            one.update(id, change),
            two.update(id, change),
            one.update(id, { ...change, set: { email, disabled: true } }),
          ]);
          expect(outcomes.filter((outcome) => outcome === 'stale')).toHaveLength(2);
          expect((await two.findByLogin(email))?.id).toBe(id);
          expect(await two.create(user(`t${run}`, { email }))).toBe('taken');
        }),
      );
    });
  });

  it('a login that was left behind in the middle of an operation is free when its user does not have it', async () => {
    const hold = (login: string, id: string, since: number) =>
      client?.set(`${prefix}{login:${encodeURIComponent(login)}}`, `${id}\0operation\0${since}`);
    await one.create(user('kept', { email: 'kept@example.com' }));
    await hold('kept@example.com', 'kept', Date.now() - 60_000);
    await hold('lost@example.com', 'nobody', Date.now() - 60_000);
    await hold('busy@example.com', 'nobody', Date.now());
    expect((await two.findByLogin('kept@example.com'))?.id).toBe('kept');
    const want = (id: string, email: string) => two.create(user(id, { email }));
    expect(await want('k', 'kept@example.com')).toBe('taken');
    expect((await two.findByLogin('kept@example.com'))?.id).toBe('kept');
    expect(await want('l', 'lost@example.com')).toBe('created');
    expect(await want('b', 'busy@example.com')).toBe('taken');
  });

  it('a list goes on behind ids without a user, in the order of code units', async () => {
    const ids = ['~1', '~2', '~\u{1F600}', '~\uE000', '~\uFFFD'];
    for (const id of ids) await one.create(user(id));
    const ghosts = Array.from({ length: 50 }, (_, at) => `~1-${at}`);
    for (let shard = 0; shard < 16; shard += 1)
      await client?.zadd(`${prefix}{user-ids:${shard}}`, ...ghosts.flatMap((id) => [0, id]));
    const listed: string[] = [];
    for (let after: string | undefined = '~'; after !== undefined; after = listed.at(-1)) {
      const page = await two.list({ after, limit: 2 });
      if (page.length === 0) break;
      listed.push(...page.map(({ id }) => id));
    }
    expect(listed).toEqual(ids);
  });
});
