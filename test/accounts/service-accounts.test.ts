import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { memoryStore, openStore } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createServiceAccounts } from '../../lib/accounts/service-accounts.js';
import { createClock } from '../world/clock.js';
import { createDatabaseFolder } from '../world/database-folder.js';

const places = [
  { name: 'memory', open: memoryStore },
  {
    name: 'SQLite',
    open: () => {
      const folder = createDatabaseFolder();
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      return openStore(`file:${join(folder, 'auth.db')}`);
    },
  },
];

describe.each(places)('service accounts in $name', ({ open }) => {
  async function world() {
    const store = open();
    onTestFinished(() => store.close());
    const clock = createClock();
    const accounts = createServiceAccounts({ credentials: store.credentials, now: clock.now });
    const account = await accounts.create({ org: 'acme', name: 'Robot' });
    return { store, clock, accounts, account };
  }

  it('of ten secrets that are added at once, two live', async () => {
    const { accounts, account } = await world();
    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, () => accounts.createSecret(account.id)),
    );
    expect(await accounts.listSecrets(account.id)).toHaveLength(2);
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  });

  it('changes that are made at once all count', async () => {
    const { accounts, account } = await world();
    await Promise.all([
      accounts.update(account.id, { name: 'Robot 2' }),
      accounts.update(account.id, { scopes: ['a'] }),
      accounts.update(account.id, { roles: ['r'] }),
      accounts.createSecret(account.id),
    ]);
    expect(await accounts.findById(account.id)).toMatchObject({
      ...{ name: 'Robot 2', scopes: ['a'], roles: ['r'], org: 'acme' },
    });
    expect(await accounts.listSecrets(account.id)).toHaveLength(1);
  });

  it('a secret that has ended by itself makes room for another', async () => {
    const { accounts, account, clock } = await world();
    const expiresAt = clock.now() + 1000;
    await accounts.createSecret(account.id, { expiresAt });
    await accounts.createSecret(account.id, { expiresAt });
    await expect(accounts.createSecret(account.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    clock.advance(1);
    const { id } = await accounts.createSecret(account.id);
    expect(await accounts.listSecrets(account.id)).toMatchObject([{ id }]);
    await expect(
      accounts.createSecret(account.id, { expiresAt: clock.now() }),
    ).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('neither id nor organisation can change, and a deleted account is gone for good', async () => {
    const { accounts, account, store } = await world();
    const other = { org: 'globex', id: 'sa_mine', name: 'Renamed' };
    expect(await accounts.update(account.id, other)).toMatchObject({ id: account.id, org: 'acme' });
    expect(await accounts.list({ org: 'globex' })).toEqual([]);
    const { id } = await accounts.createSecret(account.id);
    expect(await accounts.delete(account.id)).toBe(true);
    expect(await accounts.delete(account.id)).toBe(false);
    expect(await accounts.findById(account.id)).toBeUndefined();
    expect(await accounts.list()).toEqual([]);
    expect((await store.credentials.findById(id))?.revokedAt).toBeTypeOf('number');
    await expect(accounts.update(account.id, { disabled: false })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('what else is among the credentials is no account', async () => {
    const { accounts, store, clock } = await world();
    await store.credentials.create({
      ...{ id: 'identity-1', hash: 'h', kind: 'identity', ownerId: 'org:acme', data: '{}' },
      ...{ createdAt: clock.now(), expiresAt: undefined },
    });
    expect(await accounts.findById('identity-1')).toBeUndefined();
    expect(await accounts.delete('identity-1')).toBe(false);
    expect(await accounts.list({ org: 'acme' })).toHaveLength(1);
  });
});
