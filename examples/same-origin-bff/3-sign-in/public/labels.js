import { createAuthClient } from '../client/index.js';

/** Keeps a token in memory, if it is given one. */
export const client = createAuthClient({ baseUrl: '/api', delivery: 'body' });

/** Labels the page with who is there. The API says so: no page parses a token. */
export async function label() {
  const { username } = await (await client.fetch('/me')).json();
  document.querySelector('#who').textContent = username ?? 'nobody';
  const link = document.querySelector('#sign');
  const signIn = `/api/auth/signin?returnTo=${location.pathname}`;
  link.textContent = username === null ? 'Sign in' : 'Sign out';
  link.href = username === null ? signIn : '/api/auth/logout';
}

await label();
