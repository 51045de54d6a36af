import { createAuthClient } from './client/index.js';

// Tokens are in memory; what outlives a reload is an HttpOnly cookie.
const client = createAuthClient({
  baseUrl: '/',
  authPath: '/auth',
  // People wait for an answer meanwhile.
  retryForMs: 3000,
});

const byId = (id) => document.getElementById(id);

const NO_ANSWER = 'The server does not answer. Try again in a minute.';

/** Shows what went wrong; without words nothing did. */
function tell(problem = '') {
  byId('problem').textContent = problem;
  byId('problem').hidden = problem === '';
}

/** Asks the API as whoever is signed in. Answers undefined after a failure, which the page then shows. */
async function api(path, method = 'GET', body) {
  tell();
  try {
    const answer = await client.fetch(`/api/projects${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    // Empty where there is no content, and where a proxy answers something else than JSON.
    const content = await answer.json().catch(() => ({}));
    if (answer.ok) return content;
    tell(content.message ?? `The server answered ${answer.status}.`);
  } catch {
    tell(NO_ANSWER);
  }
  return undefined;
}

/** A copy of a template, and its parts by their `data-` attribute. */
function copyOf(template) {
  const copy = byId(template).content.cloneNode(true);
  return { copy, part: (name) => copy.querySelector(`[data-${name}]`) };
}

async function show(session) {
  const user = session.authenticated ? session.user : undefined;
  byId('visitor').hidden = user !== undefined;
  byId('user').hidden = user === undefined;
  byId('new-project').hidden = user === undefined;
  byId('name').textContent = user?.username ?? '';
  const projects = (await api('')) ?? [];
  // Somebody else may be there by now.
  if (session !== client.current) return;
  byId('seen').textContent = user
    ? 'Public projects, and your private ones.'
    : 'Public projects. Sign in to see your private ones, too.';
  const items = projects.map((project) => projectItem(project, user?.username));
  byId('projects').replaceChildren(...items);
}

function projectItem({ id, name, description, owner, private: isPrivate }, user) {
  const { copy, part } = copyOf('project');
  part('name').textContent = name;
  part('private').hidden = !isPrivate;
  part('description').textContent = description;
  part('owner').textContent = owner === user ? 'you' : owner;
  part('more').ontoggle = async ({ target }) => {
    if (!target.open) return;
    const [docs, where] = await Promise.all([api(`/${id}/docs`), api(`/${id}/addresses`)]);
    target.querySelector('[data-docs]').textContent = docs?.docs ?? '';
    target.querySelector('[data-addresses]').textContent = where?.addresses.join('\n') ?? '';
  };
  part('keys').hidden = owner !== user;
  addKeys(part('keys'), id);
  return copy;
}

function addKeys(details, id) {
  const find = (name) => details.querySelector(`[data-${name}]`);
  const form = find('new-key');

  async function refresh() {
    const { keys } = (await api(`/${id}/keys`)) ?? { keys: [] };
    find('key-list').replaceChildren(...keys.map(keyItem));
  }
  function keyItem({ id: keyId, name, prefix, expires_at: end, last_used_at: used }) {
    const { copy, part } = copyOf('key');
    part('name').textContent = name;
    part('prefix').textContent = `${prefix}_…`;
    const life = end ? `until ${new Date(end).toLocaleDateString()}` : 'without an end';
    part('times').textContent = `${life}, ${used ? 'in use' : 'not used yet'}`;
    part('delete').setAttribute('aria-label', `Delete the API key ${name}`);
    part('delete').onclick = async () => {
      await api(`/${id}/keys/${keyId}`, 'DELETE');
      find('made').replaceChildren();
      await refresh();
      // The button that had the focus is gone.
      details.querySelector('summary').focus();
    };
    return copy;
  }

  details.ontoggle = () => details.open && refresh();
  form.onsubmit = async (event) => {
    event.preventDefault();
    const { name, expires_in: life } = Object.fromEntries(new FormData(form));
    const made = await api(`/${id}/keys`, 'POST', { name, expires_in: Number(life) });
    if (!made) return;
    form.reset();
    find('made').replaceChildren(madeKey(made, `${location.origin}/api/projects/${id}`));
    await refresh();
  };
}

function madeKey({ key, name }, url) {
  const { copy, part } = copyOf('made');
  const curl = `curl -H 'X-API-Key: ${key}' ${url}`;
  const button = part('copy');
  part('name').textContent = name;
  part('curl').textContent = curl;
  button.onclick = async () => {
    await navigator.clipboard.writeText(curl);
    button.textContent = 'Copied';
  };
  return copy;
}

byId('sign-in').onclick = () => client.login({ provider: 'github', returnTo: '/' });
// A failure leaves people signed in, and they should know.
byId('sign-out').onclick = () =>
  client.logout().catch(() => tell(`You are still signed in. ${NO_ANSWER}`));
byId('new-project').onsubmit = async (event) => {
  event.preventDefault();
  const form = event.target;
  const { name, description, private: hidden } = Object.fromEntries(new FormData(form));
  const made = await api('', 'POST', { name, description, private: hidden === 'on' });
  if (!made) return;
  form.reset();
  await show(client.current);
};

// At first, and when somebody signs in or out, in another tab as well.
client.onChange(show);
client.session().catch(() => {
  byId('seen').textContent = 'Nothing could be loaded.';
  tell(NO_ANSWER);
});
