import { expect, it } from 'vitest';
import { createClock } from '../../world/clock.js';
import { machineWorld } from '../../world/machine.js';

it('an API key of a service account has its organisation and what it is granted today, is no user, and is refused once the account is disabled', async () => {
  const clock = createClock();
  const { auth, account, get } = await machineWorld({ acceptApiKeys: true, now: clock.now });
  const { serviceAccounts, apiKeys } = auth;
  const scopes = ['invoices:read', 'invoices:write'];
  await expect(
    apiKeys.create({ owner: account.id, name: 'bot', scopes: ['reports:read'] }),
  ).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  const { key } = await apiKeys.create({ owner: account.id, name: 'bot', scopes });
  const request = { headers: { 'x-api-key': key } };
  const caller = await auth.authenticate(request);
  expect(caller).toMatchObject({
    ...{ method: 'api_key', subject: account.id, clientId: account.id },
    orgs: [{ id: 'acme', roles: ['exporter'], isDefault: true }],
  });
  expect([...caller.scopes]).toEqual(scopes);

  await serviceAccounts.update(account.id, { scopes: ['invoices:read'] });
  clock.advance(6);
  expect([...(await auth.authenticate(request)).scopes]).toEqual(['invoices:read']);

  const status = async () => (await get('/api/strict', { 'x-api-key': key })).status;
  expect(await status()).toBe(200);
  await serviceAccounts.update(account.id, { disabled: true });
  expect(await status()).toBe(401);
  await serviceAccounts.update(account.id, { disabled: false });
  expect(await status()).toBe(200);
  await serviceAccounts.delete(account.id);
  expect(await status()).toBe(401);
});
