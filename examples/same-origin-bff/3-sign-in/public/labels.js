import { createAuthClient } from '../client/index.js';

/** Keeps a token in memory, if it is given one. */
export const client = createAuthClient({
  baseUrl: '/',
  authPath: '/api/auth',
  delivery: 'body',
});

/** Labels the page with who is there. The server says so: no page parses a token. */
export async function label() {
  const answer = await client.fetch('/me');
  const { username } = answer.ok ? await answer.json() : {};
  document.querySelector('#who').textContent = username ?? 'Not signed in';
  const link = document.querySelector('#sign');
  link.textContent = username ? 'Sign out' : 'Sign in';
  link.href = username ? '/api/auth/logout' : `/api/auth/signin?returnTo=${location.pathname}`;
}

await label();
