import { setTimeout as sleep } from 'node:timers/promises';
import { openStore, type Store } from 'latchkey';
import { describe, expect, it, vi } from 'vitest';
import { PATIENCE } from '../world/patience.js';
import { DAY_MS, newSession, NOW, postgresWorld } from '../world/postgres-world.js';
import { isMissing, postgresUrl } from '../world/services.js';
import { startTcpProxy } from '../world/tcp-proxy.js';

const rotation = { generation: 0, kid: 'key-two', now: NOW + 5, idleExpiresAt: NOW + DAY_MS };

/** Longer than callers wait. */
const HELD_MS = 5500;

/** What every kind of change would do, if it came through. */
function changes({ sessions, once, users, credentials, orgs }: Store, id: string) {
  return {
    rotate: sessions.rotate(id, rotation),
    create: sessions.create(newSession({ id: 'created' })),
    update: sessions.update(id, { version: 0, data: 'changed' }),
    revoke: sessions.revoke({ id }, { now: NOW, reason: 'logout' }),
    add: once.add('added', 'value', { now: NOW, expiresAt: NOW + DAY_MS }),
    incr: once.incr('counted', { now: NOW, windowMs: DAY_MS }),
    take: once.take('kept', NOW),
    del: once.del('kept'),
    deleteUser: users.delete('nobody yet'),
    touch: credentials.touch('credential', NOW),
    updateCredential: credentials.update('credential', { from: '{}', to: 'changed' }),
    ...Object.fromEntries(orgChanges(orgs).map((change, at) => [`org ${at}`, change])),
  };
}

const org = { name: 'Acme', createdAt: NOW, updatedAt: NOW };

function orgChanges(orgs: Store['orgs']): readonly Promise<unknown>[] {
  return [
    orgs.create({ ...org, id: 'created' }, 'ann'),
    orgs.addMember({ orgId: 'kept', userId: 'cid', roles: ['owner'], joinedAt: NOW }),
    ...memberChanges(orgs),
  ];
}

/** Those that need the rows of members who are there. */
function memberChanges(orgs: Store['orgs']): readonly Promise<unknown>[] {
  return [
    orgs.delete('deleted'),
    orgs.setRoles('kept', 'ann', []),
    orgs.removeMember('kept', 'bob'),
    orgs.removeMember('kept', 'bob', { evenLastOwner: true }),
  ];
}

/** What is there before and after changes that did not happen. */
async function stateOf({ orgs }: Store) {
  const page = { limit: 9 };
  return {
    orgs: (await orgs.list(page)).map(({ id }) => id),
    kept: (await orgs.membersOf('kept', page)).map(({ userId, roles }) => [userId, roles]),
    deleted: (await orgs.membersOf('deleted', page)).map(({ userId }) => userId),
  };
}

const before = {
  orgs: ['deleted', 'kept'],
  kept: [
    ['ann', ['owner']],
    ['bob', ['owner']],
  ],
  deleted: ['ann'],
};

async function world(onFinished: Parameters<typeof postgresWorld>[0]) {
  const { client, ...rest } = await postgresWorld(onFinished);
  const store = rest.openStore();
  const session = newSession();
  await store.sessions.create(session);
  await store.once.add('kept', 'value', { now: NOW, expiresAt: NOW + DAY_MS });
  const credential = {
    id: 'credential',
    hash: 'hash',
    kind: 'api_key',
    ownerId: 'ann',
    data: '{}',
  };
  await store.credentials.create({ ...credential, createdAt: NOW, expiresAt: undefined });
  for (const id of before.orgs) await store.orgs.create({ ...org, id }, 'ann');
  const bob = { orgId: 'kept', userId: 'bob', roles: ['owner'], joinedAt: NOW };
  await store.orgs.addMember(bob);
  return { ...rest, client, store, session };
}

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))(
  'W1: what is held up in PostgreSQL for longer than callers wait',
  { concurrent: true },
  () => {
    it('by a lock on tables changes nothing, and is possible afterwards', async ({
      onTestFinished,
    }) => {
      const { client, store, session } = await world(onTestFinished);
      await client.query('BEGIN');
      await client.query(
        'LOCK TABLE latchkey_sessions, latchkey_once, latchkey_users, latchkey_credentials, latchkey_orgs, latchkey_members IN EXCLUSIVE MODE',
      );
      const outcomes = Promise.allSettled(Object.values(changes(store, session.id)));
      await sleep(HELD_MS);
      await client.query('COMMIT');
      expect(new Set((await outcomes).map(({ status }) => status))).toEqual(new Set(['rejected']));
      await sleep(300);
      const row = await store.sessions.get(session.id);
      expect(row).toMatchObject({ generation: 0, version: 0, revokedAt: undefined });
      expect(await store.sessions.get('created')).toBeUndefined();
      expect((await store.once.incr('counted', { now: NOW, windowMs: DAY_MS })).count).toBe(1);
      expect(await store.once.take('added', NOW)).toBeUndefined();
      expect(await store.once.take('kept', NOW)).toBe('value');
      expect(await store.sessions.rotate(session.id, rotation)).toMatchObject({ generation: 1 });
      expect(await store.credentials.findById('credential')).toMatchObject({ data: '{}' });
      expect(await stateOf(store)).toEqual(before);
    });

    it.for([
      { lock: 'members', sql: 'LOCK TABLE latchkey_members IN EXCLUSIVE MODE', run: orgChanges },
      { lock: 'organisations', sql: 'LOCK TABLE latchkey_orgs IN EXCLUSIVE MODE', run: orgChanges },
      {
        lock: 'rows of members',
        sql: 'SELECT FROM latchkey_members FOR UPDATE',
        run: memberChanges,
      },
    ])(
      'by a lock on $lock alone changes no organisation',
      async ({ sql, run }, { onTestFinished }) => {
        const { client, store } = await world(onTestFinished);
        await client.query('BEGIN');
        await client.query(sql);
        const outcomes = Promise.allSettled(run(store.orgs));
        await sleep(HELD_MS);
        await client.query('COMMIT');
        expect(new Set((await outcomes).map(({ status }) => status))).toEqual(
          new Set(['rejected']),
        );
        await sleep(300);
        expect(await stateOf(store)).toEqual(before);
      },
    );

    it('by a lock on a row that its holder leaves alone changes nothing', async ({
      onTestFinished,
    }) => {
      const { client, store, session } = await world(onTestFinished);
      await client.query('BEGIN');
      await client.query('SELECT FROM latchkey_sessions FOR UPDATE');
      const outcomes = Promise.allSettled([
        store.sessions.rotate(session.id, rotation),
        store.sessions.update(session.id, { version: 0, data: 'changed' }),
        store.sessions.revoke({ id: session.id }, { now: NOW, reason: 'logout' }),
      ]);
      await sleep(HELD_MS);
      await client.query('COMMIT');
      expect((await outcomes).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
      await sleep(300);
      const row = await store.sessions.get(session.id);
      expect(row).toMatchObject({ generation: 0, version: 0, revokedAt: undefined });
    });

    it.for([
      { lock: 'a row', sql: 'SELECT FROM latchkey_sessions FOR UPDATE' },
      { lock: 'the table', sql: 'LOCK TABLE latchkey_sessions IN EXCLUSIVE MODE' },
    ])(
      'and what waits for $lock for less counts its grace from then on',
      async ({ sql }, { onTestFinished }) => {
        const { client, store, session } = await world(onTestFinished);
        await client.query('BEGIN');
        await client.query(sql);
        const calledAt = performance.now();
        const rotating = store.sessions.rotate(session.id, rotation);
        await vi.waitFor(async () => {
          const { rows } = await client.query(
            'SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))',
          );
          expect(rows).not.toEqual([]);
        }, PATIENCE);
        const waitsSince = performance.now();
        await sleep(1100);
        const heldMs = performance.now() - waitsSince;
        await client.query('COMMIT');
        const { rotatedAt = 0, lastUsedAt } = (await rotating) ?? {};
        const tookMs = performance.now() - calledAt;
        expect(lastUsedAt).toBe(rotation.now);
        expect(rotatedAt - rotation.now).toBeGreaterThan(heldMs - 10);
        expect(rotatedAt - rotation.now).toBeLessThan(tookMs + 10);
      },
    );

    it('on its way changes nothing after the read that came before it', async ({
      onTestFinished,
    }) => {
      const { url, client, session } = await world(onTestFinished);
      const proxy = await startTcpProxy(Number(new URL(url).port));
      onTestFinished(() => proxy.close());
      const address = new URL(url);
      address.port = String(proxy.port);
      const store = openStore(address.href);
      onTestFinished(() => store.close());
      await store.ping();
      const refresh = store.together?.(async () => {
        const row = await store.sessions.joined?.get(session.id);
        expect(row?.session.generation).toBe(0);
        proxy.setFlow('hold');
        return store.sessions.rotate(session.id, rotation);
      });
      await expect(refresh).rejects.toBeInstanceOf(Error);
      proxy.setFlow('pass');
      await sleep(500);
      const { rows } = await client.query('SELECT generation FROM latchkey_sessions');
      expect(rows).toEqual([{ generation: '0' }]);
      await expect(store.sessions.rotate(session.id, rotation)).resolves.toBeDefined();
    });
  },
);
