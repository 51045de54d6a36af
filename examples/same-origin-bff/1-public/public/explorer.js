const explorer = document.querySelector('#explorer');

async function show(path) {
  const line = document.createElement('pre');
  explorer.append(line);
  const response = await fetch(`/api${path}`);
  line.textContent = `GET /api${path}: ${response.status}\n${await response.text()}`;
}

async function showAll() {
  explorer.replaceChildren();
  for (const path of ['/products', '/orders', '/data']) await show(path);
}

await showAll();
