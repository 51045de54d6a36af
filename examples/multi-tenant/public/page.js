import { AuthClientError, createAuthClient } from '../client/index.js';

const client = createAuthClient({ baseUrl: '/api' });
const element = (id) => document.getElementById(id);
const views = ['sign-in', 'new-password', 'choose-org', 'invoices', 'users'];
let profile;

/** Shows these views alone, and moves the keyboard into the first unless that was there before. */
function show(...shown) {
  const [first] = shown;
  const isNew = element(first).hidden;
  for (const id of views) element(id).hidden = !shown.includes(id);
  if (isNew) element(first).querySelector('form:not(.row) input, h1[tabindex]')?.focus();
}

function tell(text, kind = 'good') {
  const message = element('message');
  message.textContent = text;
  message.className = kind;
  message.hidden = text === '';
}

/** The answer's body; a refusal is told, and the body undefined. */
async function call(path, { method = 'GET', body } = {}) {
  const response = await client.fetch(path, {
    method,
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  const { code, detail, errors = [] } = answer;
  if (code === 'ORG_REQUIRED') chooseOrg();
  else if (response.status === 401) tell('Your session has ended. Sign in again.', 'bad');
  else tell([detail, ...errors.map((error) => error.detail)].join(' '), 'bad');
  return undefined;
}

/** Who is signed in decides what there is to see. Also called when that changes in another tab. */
async function render(session) {
  element('account').hidden = !session.authenticated;
  element('org-choice').hidden = true;
  if (!session.authenticated) return show('sign-in');
  element('name').textContent = session.user.username ?? session.user.email;
  if (session.must_reset_password) return show('new-password');
  profile = await call('/profile');
  if (!profile) return undefined;
  const wanted = location.hash.slice(1);
  chooseFrom(profile.organisations);
  return enterOrg(profile.organisations.some(({ id }) => id === wanted) ? wanted : undefined);
}

function chooseFrom(organisations) {
  const select = element('org');
  select.replaceChildren(new Option('Choose …', ''));
  for (const { id, name } of organisations) select.add(new Option(name, id));
  element('org-choice').hidden = organisations.length === 0;
}

/** With `undefined` the API decides: it takes the only one there is, or refuses. */
async function enterOrg(id) {
  client.org = id;
  history.replaceState(null, '', id === undefined ? location.pathname : `#${id}`);
  element('org').value = id ?? '';
  const list = await call('/invoices');
  const isAdmin = profile.role === 'admin' && (await showUsers());
  // Meanwhile another organisation may have been chosen: what is shown must be what a form is sent to. Or the session has ended.
  if (!list || client.org !== id || !client.current?.authenticated) return;
  element('org').value = list.org;
  showInvoices(list);
  show('invoices', ...(isAdmin ? ['users'] : []));
}

function chooseOrg() {
  const { organisations } = profile;
  element('choose-text').textContent =
    organisations.length > 0
      ? 'You belong to several. Each has invoices of its own.'
      : 'You belong to none yet. Ask somebody to add you.';
  const buttons = organisations.map(({ id, name }) => button(name, () => act(() => enterOrg(id))));
  element('choices').replaceChildren(...buttons);
  show('choose-org');
}

function showInvoices({ org, invoices }) {
  const { name, permissions } = profile.organisations.find(({ id }) => id === org);
  const mayWrite = permissions.includes('invoices:write');
  const mayApprove = mayWrite && profile.groups.includes('approvers');
  const approve = (id) =>
    act(async () => {
      if (await call(`/invoices/${id}/approval`, { method: 'POST' })) await enterOrg(client.org);
    });
  element('invoices-of').textContent = `Invoices of ${name}`;
  element('invoice-form').hidden = !mayWrite;
  const rows = invoices.map(({ id, customer, amount, approvedBy }) => {
    const open = mayApprove ? button('Approve', () => approve(id), `Approve ${customer}`) : 'open';
    return row([customer, (amount / 100).toFixed(2), approvedBy === null ? open : 'approved']);
  });
  element('invoice-rows').replaceChildren(...rows);
  for (const { cells } of rows) cells[1].className = 'number';
}

/** Returns whether there was an answer. */
async function showUsers() {
  const answer = await call('/auth/users');
  const rows = answer?.users.map(({ id, username, email, must_reset_password: isTemporary }) => {
    const name = username ?? email;
    const reset = () =>
      act(async () => {
        if (!(await call(`/auth/users/${id}/reset-password`, { method: 'POST' }))) return;
        await showUsers();
        tell(`A temporary password is on its way to ${email}.`);
      });
    const action =
      id === profile.user_id ? '' : button('Reset password', reset, `Reset password of ${name}`);
    return row([name, isTemporary ? 'temporary' : 'chosen', action]);
  });
  element('user-rows').replaceChildren(...(rows ?? []));
  return rows !== undefined;
}

function row(cells) {
  const tr = document.createElement('tr');
  for (const content of cells) tr.insertCell().append(content);
  return tr;
}

function button(text, onClick, label = text) {
  const made = document.createElement('button');
  made.className = 'plain';
  made.textContent = text;
  made.ariaLabel = label;
  made.addEventListener('click', onClick);
  return made;
}

/** Does what was asked for; what the client throws is told. */
async function act(work) {
  tell('');
  try {
    await work();
  } catch (error) {
    tell(error instanceof AuthClientError ? error.message : 'That did not work. Try again.', 'bad');
  }
}

/** Sends a form's fields to `send`, and empties it when that has worked. */
function onSubmit(id, send) {
  const form = element(id);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void act(async () => {
      if ((await send(Object.fromEntries(new FormData(form)))) !== undefined) form.reset();
    });
  });
}

onSubmit('sign-in-form', (fields) => client.login(fields));
onSubmit('forgot-form', async (body) => {
  const sent = await call('/auth/forgot-password', { method: 'POST', body });
  if (sent) tell('If there is an account with this address, a link is on its way.');
  return sent;
});
onSubmit('new-password-form', async (body) => {
  const changed = await call('/auth/change-password', { method: 'POST', body });
  if (changed) await client.session();
  return changed;
});
onSubmit('invoice-form', async ({ customer, amount }) => {
  const body = { customer, amount: Math.round(Number(amount) * 100) };
  const added = await call('/invoices', { method: 'POST', body });
  if (added) await enterOrg(client.org);
  return added;
});
element('sign-out').addEventListener('click', () => void act(() => client.logout()));
element('org').addEventListener('change', ({ target }) => {
  void act(() => enterOrg(target.value || undefined));
});

client.onChange((session) => act(() => render(session)));
await act(() => client.session());
// Without them there are still passwords.
await showProviders().catch(() => undefined);

async function showProviders() {
  const { providers } = await (await fetch('/api/auth/providers')).json();
  const links = providers.map(({ label, login_url: url }) => {
    const link = document.createElement('a');
    link.className = 'button plain';
    link.textContent = `Continue with ${label}`;
    link.href = `${url}?returnTo=/`;
    return link;
  });
  element('providers').replaceChildren(...links);
}
