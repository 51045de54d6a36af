import { expect, it } from 'vitest';
import { addUser, PASSWORD, serveAuth } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';

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
