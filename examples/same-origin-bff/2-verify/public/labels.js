import { createAuthClient } from '../client/index.js';

/** Keeps a token in memory, if it is given one. */
export const client = createAuthClient({ baseUrl: '/', delivery: 'body' });

/** Labels the page with who is there. The server says so: no page parses a token. */
export async function label() {
  const answer = await client.fetch('/me');
  const { username } = answer.ok ? await answer.json() : {};
  document.querySelector('#who').textContent = username ?? 'Not signed in';
}

await label();
