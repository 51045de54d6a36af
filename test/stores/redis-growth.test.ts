import { Redis } from 'ioredis';
import { redisStore } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newSession } from '../world/new-session.js';
import { hasRedisServer, startRedisServer } from '../world/redis-server.js';

const NOW = 1_800_000_000_000;
/** What lives for less may have gone before the test looks at it. */
const HOUR_MS = 3_600_000;

/** A Redis of its own, and a store on it. `old`: an older release was there. */
async function world(kind: 'empty' | 'old' = 'empty') {
  const server = await startRedisServer();
  const client = new Redis(server.port);
  if (kind === 'old') await client.zadd('latchkey:{users}', 0, 'somebody');
  const store = redisStore(client);
  onTestFinished(async () => {
    await store.close();
    client.disconnect();
    await server.stop();
  });
  await store.sessions.listByUser('nobody', NOW);
  const used = async (): Promise<number> =>
    Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
  return { client, store, used };
}

async function inGroups(count: number, run: (at: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += 250)
    await Promise.all(
      Array.from({ length: Math.min(250, count - from) }, (_, at) => run(from + at)),
    );
}

describe.runIf(hasRedisServer)('what Redis holds', () => {
  it('a session takes less than 500 bytes with everything that belongs to it', async () => {
    const { store, used } = await world();
    const count = 4000;
    // Among a hundred thousand sessions of as many users, six share the key of their lists. Among few they would not.
    const create = (at: number): Promise<void> =>
      store.sessions.create(newSession({ userId: `u${at % Math.ceil(count / 6)}` }));
    await store.sessions.create(newSession());
    const before = await used();
    await inGroups(count, create);
    expect((await used()) - before).toBeLessThan(count * 500);
  });

  it('every key ends by itself or belongs to a user, a credential or the schema', async () => {
    const { client, store } = await world();
    const provider = { issuer: 'https://idp.example', subject: 's', sessionId: 'p' };
    const session = newSession({ provider });
    await store.sessions.create(session);
    await store.sessions.create(newSession());
    await store.sessions.rotate(session.id, {
      ...{ generation: 0, kid: 'k', now: NOW + 1, idleExpiresAt: NOW + HOUR_MS },
    });
    await store.sessions.update(session.id, { version: 0, data: '{}' });
    await store.sessions.revoke({ id: session.id }, { now: NOW + 2, reason: 'logout' });
    await store.sessions.sweep(NOW - 1);
    await store.once.add('a', 'b', { now: NOW, expiresAt: NOW + HOUR_MS });
    await store.once.incr('a', { now: NOW, windowMs: HOUR_MS });
    await store.instances.report({ id: 'i', data: '{}' }, 60_000);
    const lasting: string[] = [];
    for (const key of await client.keys('*')) if ((await client.pttl(key)) < 0) lasting.push(key);
    expect(lasting).toEqual(['latchkey:{schema}']);
  });

  it('a session that ends leaves every list at once', async () => {
    const { client, store } = await world();
    const provider = { issuer: 'https://idp.example', subject: 's', sessionId: 'p' };
    const userId = 'bot';
    await inGroups(300, () => store.sessions.create(newSession({ userId, provider })));
    const at = { now: NOW + 1, reason: 'x' };
    expect(await store.sessions.revoke({ userId }, at)).toHaveLength(300);
    expect(await client.keys('*{lists:*')).toEqual([]);
    const seen = new Set<string>();
    let after: string | undefined;
    for (;;) {
      const page = await store.sessions.revokedSince(NOW, { after, limit: 70 });
      for (const { id } of page) seen.add(id);
      after = page.at(-1)?.position;
      if (page.length < 70) break;
    }
    expect(seen.size).toBe(300);
    expect((await client.keys('*{revoked:*')).length).toBe(16);
    expect(await store.sessions.revokedSince(NOW, { after })).toEqual([]);
  });

  it('a page of sessions is the same from few and from many', async () => {
    const { store } = await world();
    const userId = 'many';
    await inGroups(1200, (at) =>
      store.sessions.create(newSession({ userId, expiresAt: NOW + 1_000_000 + (at % 700) })),
    );
    const ids: string[] = [];
    let after: { id: string; expiresAt: number } | undefined;
    for (;;) {
      const page = await store.sessions.listByUser(userId, NOW, { after, limit: 100 });
      ids.push(...page.map(({ id }) => id));
      after = page.at(-1);
      if (page.length < 100) break;
    }
    expect([ids.length, new Set(ids).size]).toEqual([1200, 1200]);
  });

  it('tells other connections of a revocation', async () => {
    const { client, store } = await world();
    let told = 0;
    const stop = redisStore(client).sessions.onRevoked?.(() => (told += 1));
    await expect
      .poll(async () => String(await client.pubsub('NUMSUB', 'latchkey:{revoked}')))
      .toMatch(/,1$/);
    const before = told;
    const session = newSession();
    await store.sessions.create(session);
    await store.sessions.revoke({ id: session.id }, { now: NOW, reason: 'x' });
    await expect.poll(() => told).toBeGreaterThan(before);
    stop?.();
    await expect
      .poll(async () => String(await client.pubsub('NUMSUB', 'latchkey:{revoked}')))
      .toMatch(/,0$/);
  });
});

describe.runIf(hasRedisServer)('beside instances of an older release', () => {
  it('writes what they understand for a day, and takes over what they write', async () => {
    const { client, store } = await world('old');
    const session = newSession({ userId: 'u1' });
    await store.sessions.create(session);
    const row = `latchkey:{session:${session.id}}`;
    expect(await client.hmget(row, 'id', 'userId', 'generation', 'version')).toEqual([
      ...[session.id, 'u1', '0', '0'],
    ]);
    expect(await client.zrange('latchkey:{user-sessions:u1}', '0', '-1')).toEqual([session.id]);
    await client.zadd('latchkey:{revocations}', String(NOW), 'theirs');
    await store.sessions.revoke({ id: session.id }, { now: NOW, reason: 'logout' });
    expect(await client.hget(row, 'revokedReason')).toBe('logout');
    expect(await client.zrange('latchkey:{revocations}', '0', '-1')).toContain(session.id);
    const found = await store.sessions.revokedSince(NOW);
    expect(found.map(({ id }) => id).toSorted()).toEqual([session.id, 'theirs'].toSorted());
  });

  it('makes rows compact as they change, once the day is over', async () => {
    const { client, store } = await world('old');
    const [first, second] = [newSession({ userId: 'u1' }), newSession({ userId: 'u1' })];
    await store.sessions.create(first);
    await client.set('latchkey:{schema}', '1');
    const later = redisStore(client);
    await later.sessions.create(second);
    expect(await client.type(`latchkey:{session:${second.id}}`)).toBe('string');
    expect(await later.sessions.get(first.id)).toMatchObject(first);
    expect(await later.sessions.listByUser('u1', NOW)).toHaveLength(2);
    const rotation = { generation: 0, kid: 'k', now: NOW + 1, idleExpiresAt: first.idleExpiresAt };
    expect(await later.sessions.rotate(first.id, rotation)).toMatchObject({ generation: 1 });
    expect(await client.type(`latchkey:{session:${first.id}}`)).toBe('string');
    expect(await client.pttl(`latchkey:{session:${first.id}}`)).toBeGreaterThan(0);
    // An instance that started before reads them too.
    expect(await store.sessions.get(first.id)).toMatchObject({ generation: 1, kid: 'k' });
    expect(await store.sessions.revoke({ userId: 'u1' }, { now: NOW, reason: 'x' })).toHaveLength(
      2,
    );
  });
});

describe.runIf(hasRedisServer)('a Redis that could lose what it is given', () => {
  it('is named by ping: one that evicts, and a replica', async () => {
    const { client, store } = await world();
    await store.ping();
    await client.config('SET', 'maxmemory', '100mb');
    await store.ping();
    await client.config('SET', 'maxmemory-policy', 'volatile-lru');
    await expect(store.ping()).rejects.toMatchObject({ code: 'EVICTION' });
    await client.config('SET', 'maxmemory', '0');
    await client.replicaof('127.0.0.1', 1);
    await expect(store.ping()).rejects.toMatchObject({ code: 'READONLY' });
  });
});
