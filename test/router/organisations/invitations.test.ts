import { describe, expect, it } from 'vitest';
import { createClock } from '../../world/clock.js';
import { type Person, serveOrgApp } from '../../world/org-app.js';

const DAY = 86_400;

/** Alice's organisation, and Bob, whom she has invited. */
async function invited(roles: readonly string[] = ['viewer'], options = {}) {
  const world = await serveOrgApp(options);
  const alice = await world.person('alice');
  const bob = await world.person('bob');
  const { body } = await alice.call('POST /orgs', { name: 'Acme' });
  const orgId = String(body['id']);
  const invite = (email: string, given: readonly string[] = roles, by: Person = alice) =>
    by.call(`POST /orgs/${orgId}/invitations`, { email, roles: given });
  const answer = await invite('Bob@Example.com');
  const mail = await world.lastInvitation(1);
  const accept = (by: Person, token = mail.data.token) =>
    by.call('POST /accept-invitation', { token });
  return { ...world, alice, bob, orgId, invite, answer, mail, accept };
}

describe('an invitation', () => {
  it('is mailed, listed and accepted once', async () => {
    const { alice, bob, orgId, answer, mail, accept, events } = await invited();
    expect(answer).toMatchObject({
      status: 201,
      body: { email: 'bob@example.com', roles: ['viewer'], invited_by: alice.user.id },
    });
    expect(JSON.stringify(answer.body)).not.toContain(mail.data.token);
    expect(mail).toMatchObject({
      to: 'bob@example.com',
      data: {
        org: { id: orgId, name: 'Acme' },
        invitedBy: { id: alice.user.id, name: 'alice' },
        url: `http://localhost:3000/api/auth/accept-invitation?token=${mail.data.token}`,
      },
    });
    const list = await alice.call(`GET /orgs/${orgId}/invitations`);
    expect(list.body).toEqual({ invitations: [answer.body] });
    expect(await accept(bob)).toMatchObject({
      status: 200,
      body: { id: orgId, name: 'Acme', roles: ['viewer'] },
    });
    expect((await bob.ask('/api/data')).body).toMatchObject({ id: orgId, roles: ['viewer'] });
    expect(await accept(bob)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '#/token', code: 'invitation_used' }] },
    });
    expect((await alice.call(`GET /orgs/${orgId}/invitations`)).body).toEqual({ invitations: [] });
    expect(events).toContainEqual({
      name: 'org.member_added',
      event: expect.objectContaining({
        orgId,
        userId: bob.user.id,
        invitationId: answer.body['id'],
      }),
    });
    expect(JSON.stringify(events)).not.toContain(mail.data.token);
  });

  it('has one winner of many who accept at once', async () => {
    const { bob, accept, auth, orgId } = await invited();
    const answers = await Promise.all(Array.from({ length: 8 }, () => accept(bob)));
    const statuses = answers.map(({ status }) => status).toSorted((one, other) => one - other);
    expect(statuses).toEqual([200, ...Array.from({ length: 7 }, () => 400)]);
    expect(await auth.organisations.members(orgId, { limit: 10 })).toHaveLength(2);
  });

  it.each([
    { title: 'another address', facts: {}, name: 'carol', reason: 'another e-mail address' },
    {
      title: 'the address without a proof',
      facts: { email: 'dave@example.com', emailVerified: false },
      name: 'dave',
      reason: 'Confirm the address',
    },
  ])('is refused to an account with $title, and stays good', async ({ facts, name, reason }) => {
    const { invite, person, accept, lastInvitation, auth, orgId } = await invited();
    const other = await person(name, facts);
    await invite('dave@example.com');
    const { token } = (await lastInvitation(2)).data;
    const refused = await accept(other, token);
    expect(refused).toMatchObject({ status: 403, body: { code: 'ORG_FORBIDDEN' } });
    expect(String(refused.body['detail'])).toContain(reason);
    expect(JSON.stringify(refused.body)).not.toContain('dave');
    const all = await auth.organisations.invitations(orgId);
    expect(all.map(({ email }) => email)).toContain('dave@example.com');
  });

  it('expires after a week', async () => {
    const clock = createClock();
    const { bob, accept, signIn, personOf } = await invited([], { now: clock.now });
    clock.advance(7 * DAY);
    const later = personOf(bob.user, await signIn(bob.user));
    expect((await accept(later)).body).toMatchObject({ errors: [{ code: 'invitation_expired' }] });
  });

  it('can be withdrawn, once', async () => {
    const { alice, bob, orgId, answer, accept } = await invited();
    const route = `DELETE /orgs/${orgId}/invitations/${String(answer.body['id'])}`;
    expect((await alice.call(route)).status).toBe(204);
    expect((await alice.call(route)).status).toBe(404);
    expect((await accept(bob)).body).toMatchObject({ errors: [{ code: 'invitation' }] });
  });

  it('belongs to one organisation', async () => {
    const { orgId, answer, person, bob, accept } = await invited();
    const mallory = await person('mallory');
    const { body } = await mallory.call('POST /orgs', { name: 'Evil' });
    const id = String(answer.body['id']);
    const { status } = await mallory.call(`DELETE /orgs/${String(body['id'])}/invitations/${id}`);
    expect(status).toBe(404);
    expect((await accept(bob)).body).toMatchObject({ id: orgId });
  });

  it('is replaced by a newer one of the same address', async () => {
    const { alice, bob, orgId, invite, mail, accept, lastInvitation } = await invited();
    await invite('bob@example.com', ['editor']);
    const { token } = (await lastInvitation(2)).data;
    const { invitations } = (await alice.call(`GET /orgs/${orgId}/invitations`)).body;
    expect(invitations).toHaveLength(1);
    expect((await accept(bob, mail.data.token)).status).toBe(400);
    expect((await accept(bob, token)).body).toMatchObject({ roles: ['editor'] });
  });

  it('counts only while its sender may send it', async () => {
    const { auth, bob, orgId, invite, person, accept, lastInvitation } = await invited();
    const admin = await person('admin');
    const key = { orgId, userId: admin.user.id };
    await auth.organisations.addMember({ ...key, roles: ['admin'] });
    await invite('bob@example.com', ['viewer'], admin);
    const { token } = (await lastInvitation(2)).data;
    await auth.organisations.setRoles({ ...key, roles: ['viewer'] });
    expect((await accept(bob, token)).body).toMatchObject({ errors: [{ code: 'invitation' }] });
    await auth.organisations.setRoles({ ...key, roles: ['admin'] });
    await auth.organisations.removeMember(key);
    expect((await accept(bob, token)).status).toBe(400);
  });

  it('to be an owner dies with its sender as owner', async () => {
    const { auth, alice, bob, orgId, accept, person } = await invited(['owner']);
    const second = await person('second');
    await auth.organisations.addMember({ orgId, userId: second.user.id, roles: ['owner'] });
    await auth.organisations.setRoles({ orgId, userId: alice.user.id, roles: ['admin'] });
    expect((await accept(bob)).status).toBe(400);
  });

  it('lets no one back in who was removed', async () => {
    const { alice, auth, bob, orgId, accept } = await invited();
    await auth.organisations.addMember({ orgId, userId: bob.user.id });
    await alice.call(`DELETE /orgs/${orgId}/members/${bob.user.id}`);
    expect((await accept(bob)).status).toBe(400);
    expect(await auth.organisations.members(orgId, { limit: 10 })).toHaveLength(1);
  });

  it('is used up by one who is a member already, whose roles stay', async () => {
    const { auth, bob, orgId, accept } = await invited(['admin']);
    const key = { orgId, userId: bob.user.id };
    await auth.organisations.addMember({ ...key, roles: ['viewer'] });
    expect(await accept(bob)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    expect((await auth.organisations.membershipOf(key))?.roles).toEqual(['viewer']);
    expect(await auth.organisations.invitations(orgId)).toEqual([]);
  });

  it('tells nothing of accounts', async () => {
    const { invite } = await invited();
    const known = await invite('alice@example.com');
    const unknown = await invite('nobody@example.com');
    const shapeOf = ({ status, body }: typeof known) => ({ status, members: Object.keys(body) });
    expect(shapeOf(known)).toEqual(shapeOf(unknown));
  });

  it('is sent 10 times a day to one address, 100 times by one member', async () => {
    const { invite, events } = await invited();
    const same = [];
    for (let count = 0; count < 10; count += 1) same.push((await invite('bob@example.com')).status);
    expect(same).toEqual([...Array.from({ length: 9 }, () => 201), 429]);
    const others = [];
    for (let count = 0; count < 90; count += 1)
      others.push((await invite(`user${count}@example.com`)).status);
    expect(others.filter((status) => status === 201)).toHaveLength(89);
    expect(others.at(-1)).toBe(429);
    expect(events).toContainEqual({ name: 'rate.limited', event: expect.anything() as unknown });
  });

  it('can be made by code, for as long as it lasts', async () => {
    const { auth, orgId, person, accept } = await invited();
    const carol = await person('carol');
    const sent = await auth.organisations.invite({ orgId, email: 'CAROL@example.com' });
    expect((await accept(carol, sent.token)).body).toMatchObject({ id: orgId, roles: [] });
    const open = Array.from({ length: 100 }, (_, at) => `user${at}@example.com`);
    for (const email of open.slice(1)) await auth.organisations.invite({ orgId, email });
    await expect(auth.organisations.invite({ orgId, email: 'last@example.com' })).rejects.toThrow(
      expect.objectContaining({ code: 'CONFLICT' }),
    );
    await expect(auth.organisations.invite({ orgId, email: 'no address' })).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    );
  });

  it.each([
    { title: 'no token', body: {}, status: 400 },
    { title: 'an unknown one', body: { token: 'x'.repeat(43) }, status: 400 },
    { title: 'NUL', body: { token: 'a\0' }, status: 400 },
    { title: 'a long one', body: { token: 'x'.repeat(200) }, status: 400 },
    { title: 'more than a token', body: { token: 'x', user: 'alice' }, status: 400 },
  ])('is not accepted by $title', async ({ body, status }) => {
    const { bob, at } = await invited();
    expect((await bob.call('POST /accept-invitation', body)).status).toBe(status);
    expect((await at('POST /accept-invitation', {}, body)).status).toBeGreaterThanOrEqual(400);
  });

  it('is not there without mails', async () => {
    const { person, auth } = await serveOrgApp({}, { sendsMail: false });
    const alice = await person('alice');
    const { id: orgId } = await auth.organisations.create({ name: 'Acme', ownerId: alice.user.id });
    for (const route of [`GET /orgs/${orgId}/invitations`, 'POST /accept-invitation'])
      expect((await alice.call(route)).status).toBe(404);
  });
});
