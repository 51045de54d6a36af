import { client, label } from './labels.js';

const explorer = document.querySelector('#explorer');

async function show(path) {
  const line = document.createElement('pre');
  explorer.append(line);
  const response = await client.fetch(path);
  line.textContent = `GET ${path}: ${response.status}\n${await response.text()}`;
}

async function showAll() {
  explorer.replaceChildren();
  for (const path of ['/api/products', '/api/orders', '/api/data']) await show(path);
}

// A log-in comes back with a code, which this browser can redeem once, or with the reason why there is none.
const answer = new URLSearchParams(location.search);
const code = answer.get('auth_code');
let refusal = answer.get('auth_error');
history.replaceState(null, '', location.pathname);
if (code !== null)
  await client.login({ code }).then(label, (error) => (refusal = error.reason ?? error.code));
if (refusal === null) await showAll();
else explorer.textContent = `There is no access token (${refusal}). Get another one.`;
