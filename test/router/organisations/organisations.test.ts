import { describe, expect, it } from 'vitest';
import { createClock } from '../../world/clock.js';
import { type OrgApp, type Person, serveOrgApp } from '../../world/org-app.js';

const ODD_NAMES = [
  { title: 'none', name: '' },
  { title: 'space', name: '  ' },
  { title: 'NUL', name: 'a\0b' },
  { title: 'an escape', name: 'a\u001Bb' },
  { title: 'half a character', name: '\uD800' },
  { title: 'a long one', name: 'x'.repeat(101) },
  { title: 'one that turns the text around it', name: 'a\u202Eb' },
];

async function createOrg({ call }: Person, name = 'Acme'): Promise<string> {
  const { status, body } = await call('POST /orgs', { name });
  expect(status).toBe(201);
  return String(body['id']);
}

/** Alice's organisation with Bob in it. */
async function aliceAndBob(roles: readonly string[] = [], app?: OrgApp) {
  const world = app ?? (await serveOrgApp());
  const alice = await world.person('alice');
  const bob = await world.person('bob');
  const orgId = await createOrg(alice);
  await world.auth.organisations.addMember({ orgId, userId: bob.user.id, roles });
  return { ...world, alice, bob, orgId };
}

const named = (orgId: string) => ({ 'X-Org-Id': orgId });

describe('organisations', () => {
  it('belong to who makes them, and are listed with roles', async () => {
    const { person, events } = await serveOrgApp();
    const alice = await person('alice');
    const orgId = await createOrg(alice, '  Acme & Söhne ');
    const org = {
      id: orgId,
      name: 'Acme & Söhne',
      roles: ['owner'],
      default: false,
      joined_at: expect.stringMatching(/^\d{4}-/) as string,
    };
    expect(await alice.call('GET /orgs')).toEqual({ status: 200, body: { orgs: [org] } });
    expect(await alice.call(`GET /orgs/${orgId}`)).toEqual({ status: 200, body: org });
    const { id: by } = alice.user;
    expect(events).toContainEqual({
      name: 'org.created',
      event: expect.objectContaining({ orgId, by }),
    });
    const renamed = await alice.call(`PATCH /orgs/${orgId}`, { name: 'Globex' });
    expect(renamed).toMatchObject({ status: 200, body: { name: 'Globex' } });
    const { orgs } = (await alice.call('GET /me')).body;
    expect(orgs).toEqual([{ id: orgId, name: 'Globex', roles: ['owner'], default: false }]);
    expect(await alice.call(`DELETE /orgs/${orgId}`)).toMatchObject({ status: 204 });
    expect((await alice.call(`GET /orgs/${orgId}`)).status).toBe(404);
    expect((await alice.ask('/api/data', named(orgId))).body).toMatchObject({
      code: 'ORG_FORBIDDEN',
    });
  });

  it.each(ODD_NAMES)('have no such name: $title', async ({ name }) => {
    const { person } = await serveOrgApp();
    const alice = await person('alice');
    expect(await alice.call('POST /orgs', { name })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '#/name' }] },
    });
  });

  it('are not there for strangers, whatever they ask', async () => {
    const { alice, orgId, person } = await aliceAndBob();
    const mallory = await person('mallory');
    const invitation = await alice.call(`POST /orgs/${orgId}/invitations`, {
      email: 'x@y.example',
    });
    const routes: [string, unknown?][] = [
      [`GET /orgs/${orgId}`],
      [`PATCH /orgs/${orgId}`, { name: 'Mine' }],
      [`DELETE /orgs/${orgId}`],
      [`GET /orgs/${orgId}/members`],
      [`PATCH /orgs/${orgId}/members/${mallory.user.id}`, { roles: ['owner'] }],
      [`DELETE /orgs/${orgId}/members/${alice.user.id}`],
      [`GET /orgs/${orgId}/invitations`],
      [`POST /orgs/${orgId}/invitations`, { email: 'mallory@example.com' }],
      [`DELETE /orgs/${orgId}/invitations/${String(invitation.body['id'])}`],
    ];
    for (const [route, body] of routes) {
      const there = await mallory.call(route, body);
      const nowhere = await mallory.call(route.replace(orgId, 'no-such-org'), body);
      expect(there).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
      expect(there).toEqual(nowhere);
    }
    expect(await mallory.call('POST /switch-org', { org_id: orgId })).toMatchObject({
      status: 403,
      body: { code: 'ORG_FORBIDDEN' },
    });
  });

  it.each(['/orgs', '/orgs/x', '/orgs/x/members', '/orgs/x/invitations'])(
    'GET %s needs somebody who is signed in',
    async (path) => {
      const { at } = await serveOrgApp();
      expect(await at(`GET ${path}`, {})).toMatchObject({ status: 401 });
    },
  );

  it('can be made by whom the application lets', async () => {
    const asked: string[] = [];
    const { person } = await serveOrgApp({
      organisations: {
        mayCreate: ({ username = '' }) => {
          asked.push(username);
          if (username === 'carol') throw new Error('no database');
          return username === 'alice';
        },
      },
    });
    const answers = [];
    for (const name of ['alice', 'bob', 'carol'])
      answers.push((await (await person(name)).call('POST /orgs', { name: 'Acme' })).status);
    expect(answers).toEqual([201, 403, 503]);
    expect(asked).toEqual(['alice', 'bob', 'carol']);
  });

  it('are not removed without a fresh sign-in', async () => {
    const clock = createClock();
    const { person } = await serveOrgApp({ now: clock.now });
    const alice = await person('alice');
    const orgId = await createOrg(alice);
    clock.advance(700);
    expect(await alice.call(`DELETE /orgs/${orgId}`)).toMatchObject({
      status: 401,
      body: { code: 'AUTH_CONTEXT_REQUIRED' },
    });
    expect((await alice.call(`GET /orgs/${orgId}`)).status).toBe(200);
  });

  it('are not there with AUTH_ORGANISATIONS off', async () => {
    const { person, auth } = await serveOrgApp({ ownOrganisations: false });
    const orgs = [{ id: 'acme', roles: ['admin'], isDefault: true }];
    const alice = await person('alice', { orgs });
    expect((await alice.call('GET /me')).body['orgs']).toEqual([
      { id: 'acme', roles: ['admin'], default: true },
    ]);
    expect((await alice.ask('/api/data')).body).toMatchObject({ id: 'acme', roles: ['admin'] });
    const response = await alice.call('GET /me');
    expect(response.status).toBe(200);
    expect(() => auth.organisations).toThrow(TypeError);
    expect(() => ({ ...auth })).not.toThrow();
  });
});

describe('members', () => {
  it('are listed for members, with e-mail addresses for those who manage them', async () => {
    const { alice, bob, orgId } = await aliceAndBob(['viewer']);
    const all = await alice.call(`GET /orgs/${orgId}/members`);
    expect(all.body['members']).toHaveLength(2);
    expect(all.body['members']).toContainEqual({
      user: { id: bob.user.id, username: 'bob', email: 'bob@example.com' },
      roles: ['viewer'],
      joined_at: expect.any(String) as string,
    });
    const seen = await bob.call(`GET /orgs/${orgId}/members?limit=1`);
    expect(seen.body['members']).toHaveLength(1);
    expect(JSON.stringify(seen.body)).not.toContain('@');
    const rest = await bob.call(`GET /orgs/${orgId}/members?after=${String(seen.body['next'])}`);
    expect(rest.body['members']).toHaveLength(1);
    expect(rest.body['next']).toBeUndefined();
    expect((await bob.call(`GET /orgs/${orgId}/members?limit=1000`)).status).toBe(400);
  });

  it('who are removed are refused at once on this instance', async () => {
    const { alice, bob, orgId, events } = await aliceAndBob(['viewer']);
    expect((await bob.ask('/api/data')).body).toMatchObject({ id: orgId, roles: ['viewer'] });
    expect((await bob.ask('/api/data', named(orgId))).status).toBe(200);
    expect((await alice.call(`DELETE /orgs/${orgId}/members/${bob.user.id}`)).status).toBe(204);
    expect((await bob.ask('/api/data', named(orgId))).body).toMatchObject({
      code: 'ORG_FORBIDDEN',
    });
    expect((await bob.ask('/api/data')).body).toMatchObject({ code: 'ORG_REQUIRED' });
    expect((await bob.call('GET /me')).body['orgs']).toEqual([]);
    expect(events).toContainEqual({
      name: 'org.member_removed',
      event: expect.objectContaining({ orgId, userId: bob.user.id, by: alice.user.id }),
    });
  });

  it('can leave, but not the last owner', async () => {
    const { alice, bob, orgId } = await aliceAndBob();
    const leave = ({ call, user }: Person) => call(`DELETE /orgs/${orgId}/members/${user.id}`);
    expect(await leave(alice)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    const demote = await alice.call(`PATCH /orgs/${orgId}/members/${alice.user.id}`, { roles: [] });
    expect(demote.status).toBe(409);
    const promote = await alice.call(`PATCH /orgs/${orgId}/members/${bob.user.id}`, {
      roles: ['owner'],
    });
    expect(promote).toEqual({ status: 200, body: { user: { id: bob.user.id }, roles: ['owner'] } });
    expect((await leave(alice)).status).toBe(204);
    expect((await leave(bob)).status).toBe(409);
  });

  it.each([
    { roles: [], what: 'nothing', statuses: [403, 403, 403, 403, 403] },
    { roles: ['admin'], what: 'other than owners', statuses: [403, 403, 403, 200, 403] },
  ])('with the roles $roles manage $what', async ({ roles, statuses }) => {
    const { alice, bob, orgId, person, auth } = await aliceAndBob(roles);
    const carol = await person('carol');
    await auth.organisations.addMember({ orgId, userId: carol.user.id });
    const member = (id: string) => `/orgs/${orgId}/members/${id}`;
    const answers = [
      await bob.call(`PATCH ${member(alice.user.id)}`, { roles: [] }),
      await bob.call(`PATCH ${member(bob.user.id)}`, { roles: ['owner'] }),
      await bob.call(`DELETE ${member(alice.user.id)}`),
      await bob.call(`PATCH ${member(carol.user.id)}`, { roles: ['viewer'] }),
      await bob.call(`DELETE /orgs/${orgId}`),
    ];
    expect(answers.map(({ status }) => status)).toEqual(statuses);
    const byMail = await bob.call(`POST /orgs/${orgId}/invitations`, {
      email: 'dave@example.com',
      roles: ['owner'],
    });
    expect(byMail).toMatchObject({ status: 403, body: { code: 'INSUFFICIENT_ROLE' } });
  });

  it.each([
    { title: 'too many', roles: Array.from({ length: 21 }, (_, at) => `role-${at}`) },
    { title: 'one that is too long', roles: ['x'.repeat(65)] },
    { title: 'NUL', roles: ['a\0'] },
    { title: 'half a character', roles: ['\uD83D'] },
    { title: 'an escape', roles: ['\u001B[31m'] },
    { title: 'an empty one', roles: [''] },
  ])('have no such roles: $title', async ({ roles }) => {
    const { alice, bob, orgId } = await aliceAndBob();
    const route = `PATCH /orgs/${orgId}/members/${bob.user.id}`;
    expect(await alice.call(route, { roles })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST' },
    });
  });

  it.each([
    { title: 'NUL', odd: '%00' },
    { title: 'half a character', odd: '%ED%A0%80' },
    { title: 'an escape', odd: '%1B' },
    { title: 'a long one', odd: 'x'.repeat(1000) },
  ])('are looked for by odd names without trouble: $title', async ({ odd }) => {
    const { alice, orgId } = await aliceAndBob();
    for (const path of [
      `/orgs/${odd}`,
      `/orgs/${orgId}/members/${odd}`,
      `/orgs/${orgId}/invitations/${odd}`,
    ]) {
      const { status } = await alice.call(`DELETE ${path}`);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    }
  });

  it('end with their users, last owners included, as do their invitations', async () => {
    const { alice, bob, orgId, auth, person, lastInvitation } = await aliceAndBob(['admin']);
    const root = await person('root', { roles: ['admin'] });
    const carol = await person('carol');
    await bob.call(`POST /orgs/${orgId}/invitations`, { email: 'carol@example.com' });
    const { token } = (await lastInvitation(1)).data;
    for (const { user } of [bob, alice])
      expect((await root.call(`DELETE /users/${user.id}`)).status).toBe(204);
    expect(await auth.organisations.members(orgId, { limit: 10 })).toEqual([]);
    expect(await auth.organisations.invitations(orgId)).toEqual([]);
    expect((await carol.call('POST /accept-invitation', { token })).status).toBe(400);
  });

  it('are not kept with users: their orgs are refused', async () => {
    const { person, auth } = await serveOrgApp();
    const root = await person('root', { roles: ['admin'] });
    const orgs = [{ id: 'acme' }];
    expect(await root.call(`PATCH /users/${root.user.id}`, { orgs })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '#/orgs' }] },
    });
    await auth.store.users.update(root.user.id, {
      version: root.user.version,
      now: Date.now(),
      set: { orgs: [{ id: 'acme', roles: ['owner'], isDefault: true }] },
    });
    expect((await root.ask('/api/data', named('acme'))).status).toBe(403);
    expect((await root.call('GET /me')).body['orgs']).toEqual([]);
    expect((await auth.users.findById(root.user.id))?.orgs).toEqual([]);
  });

  it('have scopes by their roles, and guards that ask for them', async () => {
    const world = await serveOrgApp({
      organisations: {
        scopesOf: (roles) => roles.flatMap((role) => (role === 'analyst' ? ['reports:read'] : [])),
      },
    });
    const { bob, alice, orgId } = await aliceAndBob(['analyst'], world);
    expect((await bob.ask('/api/data')).body).toMatchObject({ scopes: ['reports:read'] });
    expect((await bob.ask('/api/reports')).status).toBe(200);
    expect((await alice.ask('/api/reports', named(orgId))).body).toMatchObject({
      code: 'INSUFFICIENT_SCOPE',
      scope: 'reports:read',
    });
  });
});

describe('POST /switch-org', () => {
  it('makes an organisation the default of the session, and takes it back', async () => {
    const { person, personOf } = await serveOrgApp();
    const alice = await person('alice');
    const [first, second] = [await createOrg(alice, 'One'), await createOrg(alice, 'Two')];
    expect((await alice.ask('/api/default')).body).toMatchObject({ code: 'ORG_REQUIRED' });
    const switched = await alice.call('POST /switch-org', { org_id: second });
    expect(switched).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    expect(switched.body['refresh_token']).toBeUndefined();
    const later = personOf(alice.user, { ...alice.tokens, ...switched.body });
    expect((await later.ask('/api/default')).body).toEqual({ id: second, source: 'default' });
    const { orgs } = (await later.call('GET /me')).body as { orgs: Record<string, unknown>[] };
    expect(orgs.find(({ id }) => id === second)).toMatchObject({ default: true });
    expect(orgs.find(({ id }) => id === first)).toMatchObject({ default: false });

    const refreshed = await later.call('POST /refresh', {
      refresh_token: alice.tokens.refresh_token,
    });
    const again = personOf(alice.user, { ...alice.tokens, ...refreshed.body });
    expect((await again.ask('/api/default')).body).toEqual({ id: second, source: 'default' });
    const cleared = await again.call('POST /switch-org', { org_id: null });
    const after = personOf(alice.user, { ...alice.tokens, ...cleared.body });
    expect((await after.ask('/api/default')).body).toMatchObject({ code: 'ORG_REQUIRED' });
  });

  it('gives nothing to one who is removed afterwards', async () => {
    const { alice, bob, orgId, auth, personOf } = await aliceAndBob();
    await createOrg(bob, 'Own');
    await createOrg(bob, 'Another');
    const { body } = await bob.call('POST /switch-org', { org_id: orgId });
    const later = personOf(bob.user, { ...bob.tokens, ...body });
    expect((await later.ask('/api/default')).status).toBe(200);
    await auth.organisations.removeMember({ orgId, userId: bob.user.id });
    expect((await later.ask('/api/default')).body).toMatchObject({ code: 'ORG_REQUIRED' });
    expect(alice.user.id).not.toBe(bob.user.id);
  });

  it('loses nothing when it meets refreshes', async () => {
    const { person, auth } = await serveOrgApp();
    const alice = await person('alice');
    const orgs = [await createOrg(alice, 'One'), await createOrg(alice, 'Two')];
    const refresh = { refresh_token: alice.tokens.refresh_token };
    const answers = await Promise.all([
      ...orgs.map((org_id) => alice.call('POST /switch-org', { org_id })),
      ...Array.from({ length: 5 }, () => alice.call('POST /refresh', refresh)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const [session] = await auth.sessions.list(alice.user.id);
    expect(orgs).toContain(JSON.parse(session?.data ?? '{}').defaultOrg);
    expect(session?.generation).toBeGreaterThan(0);
  });

  it.each([
    { title: 'nothing', org_id: undefined },
    { title: 'a number', org_id: 7 },
    { title: 'NUL', org_id: 'a\0b' },
    { title: 'half a character', org_id: '\uD800' },
    { title: 'a long name', org_id: 'x'.repeat(5000) },
  ])('refuses $title', async ({ org_id }) => {
    const { person } = await serveOrgApp();
    const alice = await person('alice');
    const { status } = await alice.call('POST /switch-org', { org_id });
    expect([400, 403]).toContain(status);
  });
});
