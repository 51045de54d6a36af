import { Redis } from 'ioredis';
import { redisStore } from 'latchkey';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { isMissing, redisUrl } from '../world/services.js';
import { PATIENCE } from '../world/patience.js';

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;

describe.skipIf(await isMissing('Redis', redisUrl))('in Redis', () => {
  const prefix = `latchkey-orgs-${process.pid}-${Date.now()}:`;
  const client = new Redis(redisUrl);
  const { orgs, credentials } = redisStore(client, { prefix });

  afterAll(async () => {
    const keys = await client.keys(`${prefix}*`);
    if (keys.length > 0) await client.del(...keys);
    client.disconnect();
  });

  const listOf = (userId: string): string => `${prefix}{user-orgs:${userId}}`;
  const memberships = async (userId: string): Promise<readonly string[]> =>
    (await orgs.membershipsOf(userId, { limit: 2 })).map(({ org }) => org.id);
  const create = (id: string, ownerId: string): Promise<string> =>
    orgs.create({ id, name: 'Acme', createdAt: NOW, updatedAt: NOW }, ownerId);

  describe('a list of organisations that an interruption has left wrong', () => {
    it('never shows a membership that the organisation denies, and is repaired by being read', async () => {
      for (const id of ['a1', 'c1']) await create(id, 'ann');
      await create('b2', 'bob');
      for (const id of ['b1 that was never created', 'b2', 'b3', 'd'])
        await client.zadd(listOf('ann'), 0, id);
      expect(await memberships('ann')).toEqual(['a1', 'c1']);
      await vi.waitFor(
        async () => expect(await client.zrange(listOf('ann'), '0', '-1')).toEqual(['a1', 'c1']),
        PATIENCE,
      );
    });

    it('that lacks one is repaired when the member is added again', async () => {
      await create('org of eve', 'eve');
      await client.del(listOf('eve'));
      expect(await memberships('eve')).toEqual([]);
      const member = { orgId: 'org of eve', userId: 'eve', roles: [], joinedAt: NOW };
      expect(await orgs.addMember(member)).toBe('member');
      expect(await memberships('eve')).toEqual(['org of eve']);
      expect((await orgs.getMember('org of eve', 'eve'))?.roles).toEqual(['owner']);
    });
  });

  it('an organisation that is deleted leaves no key behind', async () => {
    await create('gone', 'cid');
    for (const userId of ['dan', 'fay'])
      await orgs.addMember({ orgId: 'gone', userId, roles: [], joinedAt: NOW });
    expect(await orgs.delete('gone')).toBe(true);
    await vi.waitFor(async () => {
      for (const userId of ['cid', 'dan', 'fay'])
        expect(await client.exists(listOf(userId))).toBe(0);
    }, PATIENCE);
    expect(await client.keys(`${prefix}{org:gone}*`)).toEqual([]);
  });

  it.each([
    { title: 'that expires is forgotten 90 days later', expiresAt: NOW + DAY_MS, days: 91 },
    { title: 'that is revoked is forgotten 90 days later', isRevoked: true, days: 90 },
    {
      title: 'of both kinds goes by the first end',
      expiresAt: NOW + 9 * DAY_MS,
      isRevoked: true,
      days: 90,
    },
    { title: 'without an end stays', days: undefined },
    { title: 'that links a provider stays', kind: 'identity', isRevoked: true, days: undefined },
  ])('a credential $title', async ({ title, kind = 'api_key', expiresAt, isRevoked, days }) => {
    const credential = { id: title, hash: title, kind, ownerId: 'ann', data: '{}' };
    await credentials.create({ ...credential, createdAt: NOW, expiresAt });
    if (isRevoked) await credentials.revoke(title, NOW);
    const name = encodeURIComponent(title);
    for (const key of [`{credential:${name}}`, `{credential-hash:${name}}`]) {
      const left = await client.pttl(`${prefix}${key}`);
      // Undefined: -1, without end.
      expect(Math.ceil(left / DAY_MS)).toBe(days ?? -0);
    }
    expect(await credentials.findByHash(title)).toMatchObject({ id: title });
  });

  it('a credential that was forgotten leaves its lists when they are read', async () => {
    const name = { ownerId: 'gus', resource: 'project:42' };
    for (const id of ['kept', 'forgotten']) {
      const credential = { id, hash: id, kind: 'api_key', data: '{}', ...name };
      await credentials.create({ ...credential, createdAt: NOW, expiresAt: undefined });
    }
    await client.del(`${prefix}{credential:forgotten}`);
    for (const list of [
      await credentials.listByOwner('gus'),
      await credentials.listByResource('project:42'),
    ])
      expect(list.map(({ id }) => id)).toEqual(['kept']);
    for (const key of ['{owner-credentials:gus}', '{resource-credentials:project%3A42}'])
      await vi.waitFor(
        async () => expect(await client.zrange(`${prefix}${key}`, '0', '-1')).toEqual(['kept']),
        PATIENCE,
      );
  });
});
