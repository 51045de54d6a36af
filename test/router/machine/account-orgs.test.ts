import { type AuthOptions, createAuth, memoryStore } from 'latchkey';
import { expect, it } from 'vitest';
import { BASE, bearer } from '../../world/auth-server.js';
import { createClock } from '../../world/clock.js';
import { basic } from '../../world/machine.js';
import { serveOrgApp } from '../../world/org-app.js';

/** An organisation with a service account, one without, and another instance on the same store. */
async function twoOrgs(options: AuthOptions = {}) {
  const clock = createClock();
  const store = memoryStore();
  const shared = { serviceAccounts: true, acceptApiKeys: true, store, now: clock.now, ...options };
  const world = await serveOrgApp(shared, {}, ({ app, auth }) => {
    app.get('/api/any', auth.requireAuth(), (_req, res) => void res.json({}));
    const strict = auth.requireAuth({ checkSession: true });
    app.get('/api/strict', strict, (_req, res) => void res.json({}));
  });
  const { auth, origin, person } = world;
  const other = createAuth({
    ...{ ...BASE, ...shared },
    publicUrl: 'http://localhost:3000',
    ownOrganisations: true,
  });
  const owner = await person('alice');
  const created = async (name: string) =>
    (await auth.organisations.create({ name, ownerId: owner.user.id })).id;
  const [acme, globex] = [await created('Acme'), await created('Globex')];
  const account = await auth.serviceAccounts.create({ org: acme, name: 'job', roles: ['robot'] });
  const { secret } = await auth.serviceAccounts.createSecret(account.id);
  const askToken = (headers = basic(account.id, secret)) =>
    fetch(`${origin}/api/auth/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
  const get = async (path: string, headers: Readonly<Record<string, string>>) => {
    const answer = await fetch(origin + path, { headers });
    const body = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, body };
  };
  const { access_token: token } = (await (await askToken()).json()) as { access_token: string };
  const byToken = bearer({ access_token: token });
  return { ...world, other, clock, owner, acme, globex, account, secret, askToken, get, byToken };
}

it('an account of an organisation that is none is refused with a pointer', async () => {
  const { at, acme, person } = await twoOrgs();
  const { access_token: token } = (await person('admin', { roles: ['admin'] })).tokens;
  const add = (to: string) =>
    at('POST /service-accounts', bearer({ access_token: token }), { org: to, name: 'job' });
  for (const org of ['nowhere', '', 'half \uD800', 'nul\0', '__proto__', 'x'.repeat(256)])
    expect(await add(org), org).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST', errors: [{ pointer: '#/org' }] },
    });
  expect(await add(acme)).toMatchObject({ status: 201, body: { org: acme } });
});

it('an account is in its own organisation, though no member of it, and in no other', async () => {
  const { auth, get, byToken, acme, globex, owner } = await twoOrgs();
  const inOrg = (org: string) => get('/api/data', { ...byToken, 'x-org-id': org });
  expect(await inOrg(acme)).toMatchObject({ status: 200, body: { id: acme, roles: ['robot'] } });
  expect(await get('/api/data', byToken)).toMatchObject({ status: 200, body: { id: acme } });
  expect(await get('/api/default', byToken)).toMatchObject({ status: 200, body: { id: acme } });
  for (const org of [globex, 'nowhere'])
    expect(await inOrg(org)).toMatchObject({ status: 403, body: { code: 'ORG_FORBIDDEN' } });
  const members = await auth.organisations.members(acme, { limit: 10 });
  expect(members.map(({ userId }) => userId)).toEqual([owner.user.id]);
});

it('the token of an account whose organisation another instance removes is refused within the lag', async () => {
  const { other, clock, get, byToken, acme } = await twoOrgs();
  const named = { ...byToken, 'x-org-id': acme };
  expect((await get('/api/data', named)).status).toBe(200);
  await other.organisations.remove(acme);
  clock.advance(4.9);
  expect((await get('/api/data', named)).status).toBe(200);
  expect((await get('/api/strict', byToken)).status).toBe(401);
  clock.advance(0.1);
  for (const headers of [named, byToken])
    expect(await get('/api/data', headers)).toMatchObject({
      status: 403,
      body: { code: 'ORG_FORBIDDEN' },
    });
  await other.close();
});

it('an account gets no token, and its keys open nothing, once the organisation is gone from the store', async () => {
  const store = memoryStore();
  const world = await twoOrgs({ store });
  const { auth, clock, events, get, byToken, askToken, account, acme } = world;
  const { key } = await auth.apiKeys.create({ owner: account.id, name: 'bot' });
  const byKey = { 'x-api-key': key };
  expect((await get('/api/any', byKey)).status).toBe(200);
  expect((await get('/api/strict', byToken)).status).toBe(200);
  // Without `remove()`, which deletes the account as well.
  await store.orgs?.delete(acme);
  clock.advance(5);
  const [gone, wrong] = [await askToken(), await askToken(basic(account.id, 'wrong'))];
  expect(gone.status).toBe(401);
  expect(await gone.text()).toBe(await wrong.text());
  expect(gone.headers.get('www-authenticate')).toBe(wrong.headers.get('www-authenticate'));
  expect(events.filter(({ name }) => name === 'client.refused')).toMatchObject([
    { event: { reason: 'org_gone', clientId: account.id } },
    { event: { reason: 'malformed_secret' } },
  ]);
  expect((await get('/api/any', byKey)).body).toMatchObject({ code: 'INVALID_TOKEN' });
  expect((await get('/api/strict', byToken)).status).toBe(401);
});

it('removing an organisation deletes its accounts, so that another one with its id has none of them', async () => {
  const { auth, askToken, acme, globex, account, owner } = await twoOrgs();
  const stays = await auth.serviceAccounts.create({ org: globex, name: 'job' });
  for (const name of ['two', 'three']) await auth.serviceAccounts.create({ org: acme, name });
  expect(await auth.organisations.remove(acme)).toBe(true);
  expect((await auth.serviceAccounts.list()).map(({ id }) => id)).toEqual([stays.id]);
  await auth.organisations.create({ id: acme, name: 'Another', ownerId: owner.user.id });
  expect((await askToken()).status).toBe(401);
  expect(await auth.serviceAccounts.findById(account.id)).toBeUndefined();
});
