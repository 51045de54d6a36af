import { describe, expect, it } from 'vitest';
import { addUser } from '../../world/auth-server.js';
import { createHttpBrowser } from '../../world/http-browser.js';
import { ADA, linkingApp } from '../../world/linking-app.js';

/** Root, an administrator, and Alice, who has a password and Ada's identity. */
async function world(options: NonNullable<Parameters<typeof linkingApp>[0]>['options'] = {}) {
  const all = await linkingApp({ options });
  const root = await addUser(all.app, { username: 'root', roles: ['admin'] });
  const alice = await addUser(all.app, { email: 'alice@corp.example' });
  const [admin, browser] = [createHttpBrowser(), createHttpBrowser()];
  await all.signInLocally(admin, 'root');
  await all.signInLocally(browser, 'alice');
  all.speakOf(ADA);
  await all.link(browser);
  const asAdmin = (request: string, json?: unknown) => all.call(admin, request, json);
  return { ...all, root, alice, browser, admin, asAdmin };
}

const routes = (id: string): readonly string[] => [
  'GET /users',
  'POST /users',
  `PATCH /users/${id}`,
  `DELETE /users/${id}`,
  `POST /users/${id}/reset-password`,
  `GET /users/${id}/sessions`,
  `DELETE /users/${id}/sessions`,
  `DELETE /users/${id}/sessions/any`,
  `GET /users/${id}/identities`,
  `DELETE /users/${id}/identities/corp`,
];

describe('W8 the routes of administrators look at the user of today', () => {
  it.each([
    { title: 'role', options: {} },
    {
      title: 'scope, by the application’s own rule',
      options: {
        tokenScopes: ({ groups, roles }: { groups: readonly string[]; roles: readonly string[] }) =>
          roles.includes('admin') || groups.includes('admins') ? ['users:admin'] : [],
      },
    },
  ])('a token of before the $title was taken away is 403 on each', async ({ options }) => {
    const { auth, origin, root, alice, admin } = await world(options);
    const { body } = await admin.fetch(`${origin}/api/auth/refresh`, { json: {} });
    const { access_token: token } = JSON.parse(body) as { access_token: string };
    const send = async (request: string) => {
      const [method = '', path = ''] = request.split(' ');
      const answer = await fetch(`${origin}/api/auth${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(method === 'POST' || method === 'PATCH' ? { body: '{}' } : {}),
      });
      return { request, status: answer.status, answer };
    };
    expect((await send('GET /users')).status).toBe(200);
    await auth.users.update(root.id, { roles: [] });
    for (const request of routes(alice.id)) {
      const { status, answer } = await send(request);
      expect(status, request).toBe(403);
      expect(await answer.json()).toMatchObject({ code: 'INSUFFICIENT_SCOPE' });
    }
    expect(await auth.users.findById(alice.id)).toEqual(alice);
    await auth.users.update(root.id, { roles: ['admin'] });
    expect((await send('GET /users')).status).toBe(200);
  });

  it('nobody else gets anything from them', async () => {
    const { alice, browser, call } = await world();
    for (const request of routes(alice.id)) {
      const json = /^P/.test(request) ? {} : undefined;
      expect((await call(browser, request, json)).status, request).toBe(403);
      expect((await call(createHttpBrowser(), request, json)).status, request).toBe(401);
    }
  });
});

describe('what an administrator sees and ends', () => {
  it('sessions: all of a user’s, one, and the rest', async () => {
    const { app, alice, browser, visit, call, asAdmin } = await world();
    const { browser: other } = await visit(ADA);
    const { body } = await asAdmin(`GET /users/${alice.id}/sessions`);
    const { sessions } = body as { sessions: { id: string; current: boolean }[] };
    expect(sessions).toHaveLength(2);
    expect(sessions.map(({ current }) => current)).toEqual([false, false]);
    const [latest] = sessions;
    const one = `DELETE /users/${alice.id}/sessions/${latest?.id}`;
    expect((await asAdmin(one)).status).toBe(204);
    expect((await asAdmin(one)).status).toBe(404);
    expect((await call(other, 'GET /me')).status).toBe(401);
    expect((await call(browser, 'GET /me')).status).toBe(200);
    expect((await asAdmin(`DELETE /users/${alice.id}/sessions`)).status).toBe(204);
    expect((await call(browser, 'GET /me')).status).toBe(401);
    expect((await asAdmin('GET /me')).status).toBe(200);
    const changes = app.events.filter(({ name }) => name === 'user.changed');
    expect(changes).toHaveLength(2);
    expect(changes[0]).toMatchObject({ event: { userId: alice.id, change: 'sessions_ended' } });
  });

  it('another user’s session is not found under this one', async () => {
    const { alice, root, asAdmin } = await world();
    const { body } = await asAdmin(`GET /users/${root.id}/sessions`);
    const [session] = (body as { sessions: { id: string }[] }).sessions;
    expect((await asAdmin(`DELETE /users/${alice.id}/sessions/${session?.id}`)).status).toBe(404);
    expect((await asAdmin('GET /me')).status).toBe(200);
  });

  it('identities, also the last way in', async () => {
    const { app, alice, auth, visit, call, asAdmin, mails } = await world();
    const { browser: other } = await visit(ADA);
    await auth.users.update(alice.id, { passwordHash: undefined });
    expect((await asAdmin(`GET /users/${alice.id}/identities`)).body).toMatchObject({
      password: false,
      identities: [{ provider: 'corp', label: 'Corp', current: false }],
    });
    const remove = `DELETE /users/${alice.id}/identities/corp`;
    expect((await asAdmin(remove)).status).toBe(204);
    expect((await asAdmin(remove)).status).toBe(404);
    expect((await call(other, 'GET /me')).status).toBe(401);
    expect(app.events).toContainEqual({
      name: 'identity.unlinked',
      event: expect.objectContaining({ userId: alice.id, provider: 'corp', by: 'admin' }),
    });
    await expect.poll(() => mails.map(({ kind }) => kind)).toContain('identity_removed');
  });

  it('a reset removes identities, as one by mail does', async () => {
    const { alice, visit, asAdmin } = await world();
    expect((await asAdmin(`POST /users/${alice.id}/reset-password`, {})).status).toBe(202);
    expect((await asAdmin(`GET /users/${alice.id}/identities`)).body).toMatchObject({
      identities: [],
    });
    expect((await visit(ADA)).user?.id).not.toBe(alice.id);
  });

  it.each(['sessions', 'identities'])('%s of nobody are 404', async (what) => {
    const { asAdmin } = await world();
    expect((await asAdmin(`GET /users/nobody/${what}`)).status).toBe(404);
    expect((await asAdmin('DELETE /users/nobody/sessions')).status).toBe(404);
  });
});
