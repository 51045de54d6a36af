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

document.querySelector('#token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  client.setToken(document.querySelector('#token').value);
  void label().then(showAll);
});
await showAll();
