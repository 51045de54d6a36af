import { describe, expect, it } from 'vitest';
import { addUser, PASSWORD, serveAuth } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { ADA, linkingApp } from '../world/linking-app.js';
import { supportDesk } from '../world/support-desk.js';

it.each([
  { path: '/login', body: { username: 'alice', password: PASSWORD }, status: 405 },
  { path: '/token', body: { username: 'alice', password: PASSWORD }, status: 404 },
  { path: '/change-password', body: {}, status: 404 },
  { path: '/forgot-password', body: { email: 'alice@example.com' }, status: 404 },
  { path: '/reset-password', body: {}, status: 404 },
])('AUTH_PASSWORDS=off leaves nothing at $path', async ({ path, body, status }) => {
  const { auth, post } = await serveAuth({ passwordLogin: false });
  await addUser({ auth });
  const response = await post(`/api/auth${path}`, body);
  expect(response.status).toBe(status);
});

it.each([
  { title: 'no provider either', oidc: {}, leads: false },
  {
    title: 'a provider',
    oidc: { work: { issuer: 'https://work.test', clientId: 'x' } },
    leads: true,
  },
])('with AUTH_PASSWORDS=off and $title, a refusal leads to sign-in: $leads', async (given) => {
  const { origin } = await serveAuth({ passwordLogin: false, oidc: given.oidc });
  const { status, body } = await createHttpBrowser().open(`${origin}/api/auth/users`);
  expect(status).toBe(401);
  expect(body.includes('/api/auth/signin')).toBe(given.leads);
});

describe('with AUTH_PASSWORDS=off, of a user who was to change the password,', () => {
  it('nothing is asked after a sign-in with a provider', async () => {
    const { auth, origin, visit, signIn, call } = await linkingApp({
      options: { passwordLogin: false, cookieSessions: true },
    });
    const { user } = await visit(ADA);
    await auth.users.update(user?.id ?? '', { mustResetPassword: true });
    const { browser } = await visit(ADA);
    expect(new URL((await signIn(browser)).url).pathname).toBe('/inside');
    const page = await browser.open(`${origin}/api/auth/signin?returnTo=/inside`);
    expect(new URL(page.url).pathname).toBe('/inside');
    expect(await call(browser, 'GET /session')).toMatchObject({
      body: { authenticated: true, must_reset_password: false },
    });
    expect(await call(browser, 'GET /me')).toMatchObject({ status: 200 });
    expect(await call(browser, 'POST /refresh', {})).toMatchObject({
      ...{ status: 200, body: { must_reset_password: false } },
    });
    expect((await browser.fetch(`${origin}/api/me`)).status).toBe(200);
    const linked = await browser.fetch(`${origin}/api/auth/link/other`, {
      method: 'POST',
      json: {},
    });
    expect(linked.status).toBe(200);
  });

  it('access tokens and API keys are taken, and support may act', async () => {
    const { auth, origin, call, tokensOf, alice, impersonate, sam } = await supportDesk({
      ...{ passwordLogin: false, acceptApiKeys: true },
    });
    const user = await auth.users.update(alice.id, { mustResetPassword: true });
    const { key } = await auth.apiKeys.create({ owner: alice.id, name: 'report' });
    const { access_token: token } = await tokensOf(user);
    expect(await call('GET /api/me', { token })).toMatchObject({ status: 200 });
    const byKey = await fetch(`${origin}/api/me`, { headers: { 'x-api-key': key } });
    expect(byKey.status).toBe(200);
    expect(await impersonate((await tokensOf(sam)).access_token)).toMatchObject({ status: 200 });
  });
});
