import { expect, it } from 'vitest';
import { addUser, PASSWORD, serveAuth } from '../world/auth-server.js';

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
