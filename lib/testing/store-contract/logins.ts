import assert from 'node:assert/strict';
import type { Store } from '../../stores/store.js';
import { type Check, type Connections, NOW, pause, race } from './connections.js';
import { created, newUser } from './new-user.js';

type Outcome = Awaited<ReturnType<Store['users']['create' | 'update']>>;

function isWin(outcome: Outcome): boolean {
  return outcome === 'created' || typeof outcome === 'object';
}

interface Contest {
  readonly login: string;
  readonly userId: string;
  readonly outcome: Outcome;
}

/** One has won, the others were told that the login is taken, and the winner's stays taken. */
async function assertOneWinner(
  { one, two }: Connections,
  contests: readonly Contest[],
): Promise<void> {
  const winners = contests.filter(({ outcome }) => isWin(outcome));
  assert.equal(winners.length, 1, `${winners.length} users have got one login`);
  assert.ok(contests.every(({ outcome }) => isWin(outcome) || outcome === 'taken'));
  const [{ login, userId } = { login: '', userId: '' }] = winners;
  assert.equal((await one.users.findByLogin(login))?.id, userId);
  assert.equal(await two.users.create(newUser({ email: login })), 'taken');
}

/** Users who exist already and all want the same new address. */
async function updates(connections: Connections, login: string, times: number) {
  const users = await race(connections, times, (store) => created(store));
  return () =>
    race(connections, times, async (store, turn): Promise<Contest> => {
      const userId = users[turn]?.id ?? '';
      const change = { version: 0, now: NOW, set: { email: login } };
      return { login, userId, outcome: await store.users.update(userId, change) };
    });
}

function creations(connections: Connections, login: string, times: number) {
  return race(connections, times, async (store): Promise<Contest> => {
    const user = newUser({ email: login });
    return { login, userId: user.id, outcome: await store.users.create(user) };
  });
}

const ROUNDS = 8;

export const loginChecks: Readonly<Record<string, Check>> = {
  'users.create: of 20 at once with one login one succeeds, and the login stays theirs': async (
    connections,
  ) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { email = '' } = newUser();
      await assertOneWinner(connections, await creations(connections, email, 20));
    }
  },
  'users.create: with two logins that are each contested nobody gets another’s, and losers keep none':
    async (connections) => {
      const { one, two } = connections;
      const names = Array.from({ length: 4 }, () => newUser());
      // Everybody's user name is somebody else's to win, and so is every address.
      const users = Array.from({ length: 16 }, (_, at) =>
        newUser({ username: names[at % 4]?.username, email: names[Math.floor(at / 4)]?.email }),
      );
      const outcomes = await race(connections, users.length, (store, turn) =>
        store.users.create(users[turn] ?? newUser()),
      );
      await pause(20);
      for (const [at, user] of users.entries()) {
        const isThere = outcomes[at] === 'created';
        assert.equal((await two.users.findById(user.id)) !== undefined, isThere);
        for (const login of [user.username ?? '', user.email ?? ''])
          assert.equal((await one.users.findByLogin(login))?.id === user.id, isThere);
      }
      // A login that nobody has got is free.
      for (const { username = '', email = '' } of names)
        for (const [member, login] of [
          ['username', username],
          ['email', email],
        ] as const)
          if (!(await one.users.findByLogin(login)))
            assert.equal(await two.users.create(newUser({ [member]: login })), 'created');
    },
  'users.update: of 20 who want one login at once one gets it, and it stays theirs': async (
    connections,
  ) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { email = '' } = newUser();
      const change = await updates(connections, email, 20);
      await assertOneWinner(connections, await change());
    }
  },
  'users: a login that some create and others change to is one user’s, also a second later': async (
    connections,
  ) => {
    const contests: (readonly Contest[])[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { email = '' } = newUser();
      const change = await updates(connections, email, 10);
      const outcomes = await Promise.all([change(), creations(connections, email, 10)]);
      contests.push(outcomes.flat());
    }
    await pause(1000);
    for (const contest of contests) await assertOneWinner(connections, contest);
  },
  'users.update: a login that somebody gives up at once with others wanting it has one owner at most':
    async (connections) => {
      const { one, two } = connections;
      for (let round = 0; round < ROUNDS; round += 1) {
        const { id, email = '' } = await created(one);
        const set = { email: newUser().email };
        const [given, contests] = await Promise.all([
          one.users.update(id, { version: 0, now: NOW, set }),
          creations(connections, email, 6),
        ]);
        assert.equal(typeof given, 'object');
        const winners = contests.filter(({ outcome }) => isWin(outcome));
        assert.ok(winners.length <= 1);
        assert.equal((await two.users.findByLogin(email))?.id, winners[0]?.userId);
        assert.equal((await two.users.findByLogin(set.email ?? ''))?.id, id);
      }
    },
  'users.list: pages reach every user who stays, although others are deleted and created': async (
    connections,
  ) => {
    const { one, two } = connections;
    const corner = `~${newUser().id}`;
    const idOf = (at: number): string => `${corner}${String(at).padStart(2, '0')}`;
    for (let at = 0; at < 24; at += 1) await created(one, { id: idOf(at) });
    const listed: string[] = [];
    const changing = race(connections, 12, (store, turn) => store.users.delete(idOf(turn * 2)));
    for (let after = corner; ;) {
      const page = await two.users.list({ after, limit: 3 });
      listed.push(...page.map(({ id }) => id).filter((id) => id.startsWith(corner)));
      after = page.at(-1)?.id ?? after;
      if (page.length < 3) break;
    }
    await changing;
    for (let at = 1; at < 24; at += 2) assert.ok(listed.includes(idOf(at)));
    for (let at = 1; at < 24; at += 2) await one.users.delete(idOf(at));
  },
};
