import express from 'express';
import { createAuth, type Mail } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { BASE, recordEvents, serveAuth } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { serveOrgApp } from '../world/org-app.js';
import { serve } from '../world/serve.js';
import { supportDesk } from '../world/support-desk.js';

const IP = '127.0.0.1';

describe('the end of a session', () => {
  it('says whose it was and who ended it, from where', async () => {
    const desk = await supportDesk();
    const { auth, alice, sam, call } = desk;
    const admin = await auth.users.create({ username: 'ann', roles: ['admin'] });
    const { access_token: token } = await desk.tokensOf(admin);
    const { access_token: own } = await desk.tokensOf(sam);
    const { session } = await desk.signIn(alice);
    await desk.signIn(alice);
    await call('POST /api/auth/logout', { token: own, json: {} });
    await call(`DELETE /api/auth/users/${alice.id}/sessions/${session.id}`, { token });
    await call(`DELETE /api/auth/users/${alice.id}/sessions`, { token });
    await auth.sessions.revoke({ userId: admin.id }, 'moved_out');
    const [byUser, one, all, byCode] = desk.eventsNamed('session.revoked');
    expect(byUser).toMatchObject({ userId: sam.id, by: sam.id, reason: 'logout', ip: IP });
    const byAdmin = { userId: alice.id, by: admin.id, reason: 'ended_by_admin', ip: IP };
    expect(one).toMatchObject({ ...byAdmin, sessionId: session.id });
    expect(all).toMatchObject(byAdmin);
    expect(byCode).toMatchObject({ userId: admin.id, by: undefined, reason: 'moved_out' });
  });

  it('by a copied refresh token says where the copy came from', async () => {
    const desk = await supportDesk();
    const { refresh_token: former } = await desk.tokensOf(desk.sam);
    const refresh = (token: string) =>
      desk.call('POST /api/auth/refresh', { json: { refresh_token: token } });
    await refresh(former);
    desk.clock.advance(60);
    expect((await refresh(former)).status).toBe(401);
    const { id: userId } = desk.sam;
    expect(desk.eventsNamed('refresh.rotated').at(-1)).toMatchObject({ userId, ip: IP });
    expect(desk.eventsNamed('refresh.reused')).toMatchObject([{ userId, ip: IP }]);
    const reason = 'refresh_reused';
    expect(desk.eventsNamed('session.revoked')).toMatchObject([{ userId, reason, ip: IP }]);
  });
});

it('a change of a user says which members were set, and that the user was enabled', async () => {
  const desk = await supportDesk();
  const admin = await desk.auth.users.create({ username: 'ann', roles: ['admin'] });
  const { access_token: token } = await desk.tokensOf(admin);
  const change = (json: unknown) =>
    desk.call(`PATCH /api/auth/users/${desk.alice.id}`, { token, json });
  await change({ roles: ['support'], email_verified: true, disabled: false });
  await change({ disabled: true });
  await change({ disabled: false, username: null });
  const told = { userId: desk.alice.id, by: admin.id };
  expect(desk.eventsNamed('user.changed')).toMatchObject([
    { ...told, change: 'updated', fields: ['emailVerified', 'roles', 'disabled'] },
    { ...told, change: 'disabled', fields: ['disabled'] },
    { ...told, change: 'enabled', fields: ['username', 'disabled'] },
  ]);
});

describe('a denial', () => {
  it('of a route of ours says who asked', async () => {
    const desk = await supportDesk();
    const { access_token: token } = await desk.tokensOf(desk.sam);
    expect((await desk.call('GET /api/auth/users', { token })).status).toBe(403);
    const denial = { code: 'INSUFFICIENT_SCOPE', subject: desk.sam.id, ip: IP };
    expect(desk.eventsNamed('access.denied')).toMatchObject([denial]);
  });

  it('names no caller that another package has judged', async () => {
    const auth = createAuth({ ...BASE, publicUrl: 'https://app.example' });
    const events = recordEvents(auth);
    const app = express();
    app.use((req, _res, next) => {
      Object.assign(req, { auth: { subject: 'what express-jwt says' } });
      next();
    });
    app.post('/', auth.sameOrigin(), (_req, res) => void res.json({}));
    app.use(auth.errorHandler());
    const { origin } = await serve(app);
    await fetch(origin, { method: 'POST', headers: { origin: 'https://evil.example' } });
    expect(events.map(({ event }) => event)).toMatchObject([
      { code: 'CROSS_SITE_REQUEST', subject: undefined },
    ]);
  });
});

describe('a mailed token that is refused', () => {
  it('is told with the reason, which the answer does not have', async () => {
    const mails: Mail[] = [];
    const { auth, post, events } = await serveAuth({}, { sendMail: (mail) => mails.push(mail) });
    const { id } = await auth.users.create({ email: 'ada@corp.example', emailVerified: true });
    await post('/api/auth/forgot-password', { email: 'ada@corp.example' });
    await auth.settled();
    const [mail] = mails;
    const token = mail?.kind === 'password_reset' ? mail.data.token : '';
    await auth.users.update(id, { email: 'ada@new.example' });
    const bodies: string[] = [];
    for (const given of [token, token, 'made up']) {
      const json = { token: given, new_password: 'words that nobody else has chosen' };
      bodies.push(await (await post('/api/auth/reset-password', json)).text());
    }
    expect(new Set(bodies).size).toBe(1);
    const told = events.filter(({ name }) => name === 'mailed_token.refused');
    expect(told.map(({ event }) => event)).toMatchObject([
      { kind: 'reset', reason: 'out_of_date', ip: IP },
      { kind: 'reset', reason: 'unknown', ip: IP },
      { kind: 'reset', reason: 'unknown', ip: IP },
    ]);
  });

  it('is an invitation of somebody else, one that was used or has expired, or none', async () => {
    const clock = createClock();
    const world = await serveOrgApp({ now: clock.now });
    const alice = await world.person('alice');
    const bob = await world.person('bob');
    const eve = await world.person('eve', { emailVerified: false });
    const { body } = await alice.call('POST /orgs', { name: 'Acme' });
    const invited = async (email: string): Promise<string> => {
      const count = world.mails.length + 1;
      await alice.call(`POST /orgs/${String(body['id'])}/invitations`, { email });
      return (await world.lastInvitation(count)).data.token;
    };
    const token = await invited('bob@example.com');
    const accept = (by: typeof bob, given: string) =>
      by.call('POST /accept-invitation', { token: given });
    await accept(eve, token);
    await accept(bob, token);
    await accept(bob, token);
    await accept(bob, 'made up');
    await accept(eve, await invited('eve@example.com'));
    const told = world.events.filter(({ name }) => name === 'mailed_token.refused');
    const of = ({ user }: typeof bob) => ({ kind: 'invitation', userId: user.id });
    expect(told.map(({ event }) => event)).toMatchObject([
      { ...of(eve), reason: 'other_address' },
      { ...of(bob), reason: 'used' },
      { ...of(bob), reason: 'unknown' },
      { ...of(eve), reason: 'unproven' },
    ]);
  });
});
