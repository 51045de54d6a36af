import { client, label } from './labels.js';

const explorer = document.querySelector('#explorer');

async function show(path) {
  const line = document.createElement('pre');
  explorer.append(line);
  const response = await client.fetch(path);
  line.textContent = `GET /api${path}: ${response.status}\n${await response.text()}`;
}

async function showAll() {
  explorer.replaceChildren();
  for (const path of ['/products', '/orders', '/data']) await show(path);
}

// A log-in comes back with a code, which this browser can redeem once.
const answer = new URLSearchParams(location.search);
const code = answer.get('auth_code');
history.replaceState(null, '', location.pathname);
if (answer.has('auth_error')) explorer.textContent = `Not signed in: ${answer.get('auth_error')}`;
else {
  if (code !== null) await client.login({ code }).then(label);
  await showAll();
}
