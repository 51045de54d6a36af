import express from 'express';
import { createAuth, memoryStore, orgOf, type Store } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { abilitiesOf, type Around, wrapStore } from '../../lib/stores/wrap-store.js';
import { BASE, bearer } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { type OrgApp, type Person, serveOrgApp } from '../world/org-app.js';
import { serve } from '../world/serve.js';

/** A store whose operations a test can count, delay and break. */
function watchedStore(inner: Store = memoryStore()) {
  const operations: string[] = [];
  const watched = {
    operations,
    before: async (_operation: string): Promise<void> => undefined,
    after: async (_operation: string): Promise<void> => undefined,
    count: (name: string) => operations.filter((operation) => operation === name).length,
  };
  const around: Around = async (operation, run) => {
    operations.push(operation);
    await watched.before(operation);
    const result = await run(inner);
    await watched.after(operation);
    return result;
  };
  const store: Store = { ...wrapStore(around, abilitiesOf(inner)), close: () => inner.close() };
  return { store, watched };
}

async function member({ auth, person }: OrgApp, roles: readonly string[] = ['viewer']) {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const org = await auth.organisations.create({ name: 'Acme', ownerId: alice.user.id });
  await auth.organisations.addMember({ orgId: org.id, userId: bob.user.id, roles });
  return { alice, bob, orgId: org.id };
}

const inOrg = ({ ask }: Person, orgId: string) => ask('/api/data', { 'X-Org-Id': orgId });

describe('orgContext() with organisations in the store', () => {
  it('asks the store once for a member, and for one who is none, until the lag is over', async () => {
    const clock = createClock();
    const { store, watched } = watchedStore();
    const world = await serveOrgApp({ store, now: clock.now });
    const { bob, orgId } = await member(world);
    const carol = await world.person('carol');
    const before = watched.count('orgs.getMember');
    const answers = await Promise.all(Array.from({ length: 20 }, () => inOrg(bob, orgId)));
    for (let time = 0; time < 3; time += 1) answers.push(await inOrg(bob, orgId));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(watched.count('orgs.getMember') - before).toBe(1);
    for (let time = 0; time < 3; time += 1) expect((await inOrg(carol, orgId)).status).toBe(403);
    expect(watched.count('orgs.getMember') - before).toBe(2);
    clock.advance(5);
    expect((await inOrg(bob, orgId)).status).toBe(200);
    expect(watched.count('orgs.getMember') - before).toBe(3);
  });

  it('refuses within the lag whom another instance has removed', async () => {
    const clock = createClock();
    const store = memoryStore();
    const one = await serveOrgApp({ store, now: clock.now });
    const other = createAuth({
      ...BASE,
      publicUrl: 'http://localhost:3000',
      ownOrganisations: true,
      store,
    });
    const { bob, orgId } = await member(one);
    expect((await inOrg(bob, orgId)).body).toMatchObject({ roles: ['viewer'] });
    expect((await bob.ask('/api/data')).status).toBe(200);
    await other.organisations.setRoles({ orgId, userId: bob.user.id, roles: ['editor'] });
    clock.advance(5);
    expect((await inOrg(bob, orgId)).body).toMatchObject({ roles: ['editor'] });
    await other.organisations.removeMember({ orgId, userId: bob.user.id });
    clock.advance(4.9);
    expect((await inOrg(bob, orgId)).status).toBe(200);
    clock.advance(0.1);
    expect((await inOrg(bob, orgId)).body).toMatchObject({ code: 'ORG_FORBIDDEN' });
    expect((await bob.ask('/api/data')).body).toMatchObject({ code: 'ORG_REQUIRED' });
    await other.close();
  });

  it('keeps no answer that was on its way while the member was removed', async () => {
    const { store, watched } = watchedStore();
    const world = await serveOrgApp({ store });
    const { bob, orgId } = await member(world);
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    let asked = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    watched.after = async (operation) => {
      if (operation !== 'orgs.getMember') return;
      asked();
      await held;
    };
    const late = inOrg(bob, orgId);
    await isAsked;
    await world.auth.organisations.removeMember({ orgId, userId: bob.user.id });
    watched.after = async () => undefined;
    expect((await inOrg(bob, orgId)).status).toBe(403);
    letGo();
    expect((await late).status).toBe(200);
    expect((await inOrg(bob, orgId)).status).toBe(403);
  });

  it.each([
    { title: 'a named one', path: '/api/data', headers: true },
    { title: 'a default', path: '/api/default', headers: false },
  ])(
    'answers 503 for $title while the store is down, and lets nobody in',
    async ({ path, headers }) => {
      const { store, watched } = watchedStore();
      const world = await serveOrgApp({ store });
      const { bob, orgId } = await member(world);
      watched.before = async (operation) => {
        if (operation.startsWith('orgs.')) throw new Error('connection refused');
      };
      const ask = () => bob.ask(path, headers ? { 'X-Org-Id': orgId } : {});
      expect(await ask()).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } });
      watched.before = async () => undefined;
      expect((await ask()).status).toBe(200);
    },
  );

  it('after a change that failed asks again', async () => {
    const { store, watched } = watchedStore();
    const world = await serveOrgApp({ store });
    const { bob, orgId } = await member(world);
    expect((await inOrg(bob, orgId)).status).toBe(200);
    watched.after = async (operation) => {
      if (operation === 'orgs.removeMember') throw new Error('connection lost');
    };
    const removal = world.auth.organisations.removeMember({ orgId, userId: bob.user.id });
    await expect(removal).rejects.toThrow(expect.objectContaining({ status: 503 }));
    expect((await inOrg(bob, orgId)).status).toBe(403);
  });

  it('an invitation outlives an outage between its use and the membership', async () => {
    const { store, watched } = watchedStore();
    const world = await serveOrgApp({ store });
    const { orgId } = await member(world);
    const carol = await world.person('carol');
    const { token } = await world.auth.organisations.invite({ orgId, email: 'carol@example.com' });
    watched.before = async (operation) => {
      if (operation === 'orgs.addMember') throw new Error('connection refused');
    };
    const accept = () => carol.call('POST /accept-invitation', { token });
    expect((await accept()).status).toBe(503);
    watched.before = async () => undefined;
    expect((await accept()).status).toBe(200);
    expect((await accept()).status).toBe(400);
    expect((await inOrg(carol, orgId)).status).toBe(200);
  });

  it('judges callers of other issuers by their tokens, or by resolve', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const auth = createAuth({
      ...BASE,
      publicUrl: 'http://localhost:3000',
      ownOrganisations: true,
      trustedIssuers: [{ ...issuer.policy, allowedOrgs: ['acme'] }],
    });
    const user = await auth.users.create({ username: 'alice' });
    const own = await auth.organisations.create({ name: 'Own', ownerId: user.id });
    const app = express();
    app.get('/claims', auth.requireAuth(), auth.orgContext(), (req, res) => res.json(orgOf(req)));
    const resolve = () => ({ roles: ['resolved'] });
    app.get('/resolved', auth.requireAuth(), auth.orgContext({ resolve }), (req, res) =>
      res.json(orgOf(req)),
    );
    app.use(auth.errorHandler());
    const { origin } = await serve(app);
    // The same `sub` as the owner's, and the id of their organisation.
    const token = await issuer.mint({ sub: user.id, orgs: ['acme', own.id] });
    const get = async (path: string, id: string) => {
      const headers = { ...bearer({ access_token: token }), 'X-Org-Id': id };
      return (await fetch(origin + path, { headers })).status;
    };
    expect(await get('/claims', 'acme')).toBe(200);
    expect(await get('/claims', own.id)).toBe(403);
    expect(await get('/resolved', 'anything')).toBe(200);
  });

  it('limits keys to their organisation and to what their owners still are', async () => {
    const world = await serveOrgApp({ acceptApiKeys: true, serviceAccounts: true });
    const { auth, origin } = world;
    const { bob, orgId } = await member(world, ['editor']);
    const own = await auth.organisations.create({ name: 'Own', ownerId: bob.user.id });
    const noOrg = auth.serviceAccounts.create({ org: 'nowhere', name: 'job' });
    await expect(noOrg).rejects.toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
    const account = await auth.serviceAccounts.create({
      org: orgId,
      name: 'job',
      roles: ['robot'],
    });
    const keyOf = async (owner: string, org: string) =>
      (await auth.apiKeys.create({ owner, name: 'key', org })).key;
    const get = async (key: string, org: string) => {
      const headers = { 'x-api-key': key, 'x-org-id': org };
      const answer = await fetch(`${origin}/api/data`, { headers });
      return (await answer.json()) as Record<string, unknown>;
    };
    const [byBob, byRobot] = [await keyOf(bob.user.id, orgId), await keyOf(account.id, orgId)];
    expect(await get(byBob, orgId)).toMatchObject({ id: orgId, roles: ['editor'] });
    expect(await get(byBob, own.id)).toMatchObject({ code: 'ORG_FORBIDDEN' });
    expect(await get(byRobot, orgId)).toMatchObject({ id: orgId, roles: ['robot'] });
    expect(await get(byRobot, own.id)).toMatchObject({ code: 'ORG_FORBIDDEN' });
    await auth.organisations.removeMember({ orgId, userId: bob.user.id });
    expect(await get(byBob, orgId)).toMatchObject({ code: 'ORG_FORBIDDEN' });
    await auth.organisations.remove(orgId);
    expect(await get(byRobot, orgId)).toMatchObject({ code: 'ORG_FORBIDDEN' });
  });

  it('shows a cookie session its new default at once', async () => {
    const world = await serveOrgApp({ cookieSessions: true });
    const { auth, origin } = world;
    const alice = await world.person('alice');
    const ids: string[] = [];
    for (const name of ['One', 'Two'])
      ids.push((await auth.organisations.create({ name, ownerId: alice.user.id })).id);
    const notes = { amr: ['pwd'], authTime: 0, acr: undefined, device: undefined } as const;
    const live = await auth.sessions.start(alice.user, { ...notes, delivery: 'cookie' });
    const browser = createHttpBrowser();
    browser.setCookie('127.0.0.1', 'latchkey-session', live.refreshToken);
    const chosen = async () => {
      const { body } = await browser.fetch(`${origin}/api/default`);
      return (JSON.parse(body) as Record<string, unknown>)['id'];
    };
    expect(await chosen()).toBeUndefined();
    for (const id of ids) {
      const answer = await browser.fetch(`${origin}/api/auth/switch-org`, {
        method: 'POST',
        json: { org_id: id },
        headers: { origin: 'http://localhost:3000' },
      });
      expect(answer.status).toBe(200);
      expect(answer.headers['set-cookie']).toBeUndefined();
      expect(await chosen()).toBe(id);
    }
  });
});

describe('auth.orgsOf() with organisations in the store', () => {
  it('tells the members of today, also for a token that is older', async () => {
    const world = await serveOrgApp();
    const { bob, orgId } = await member(world);
    const caller = await world.auth.authenticate({ headers: bearer(bob.tokens) });
    expect(await world.auth.orgsOf(caller)).toMatchObject([{ id: orgId, roles: ['viewer'] }]);
    await world.auth.organisations.removeMember({ orgId, userId: bob.user.id });
    expect(await world.auth.orgsOf(caller)).toEqual([]);
  });

  it('takes the word of another issuer for its own callers, also for one who has the id of a member', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const world = await serveOrgApp({
      trustedIssuers: [{ ...issuer.policy, allowedOrgs: ['globex'] }],
    });
    const { bob } = await member(world);
    const headers = bearer({
      access_token: await issuer.mint({ sub: bob.user.id, orgs: ['globex'] }),
    });
    const caller = await world.auth.authenticate({ headers });
    expect(await world.auth.orgsOf(caller)).toMatchObject([{ id: 'globex' }]);
  });
});
