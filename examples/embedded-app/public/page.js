import { createAuthClient } from '../client/index.js';

const platform = document.querySelector('meta[name=platform-origin]').content;
const isFramed = window.parent !== window;

/** The question to the platform that waits for its answer. */
let question;

function askPlatform() {
  return new Promise((resolve, reject) => {
    question = { resolve, reject };
    window.parent.postMessage({ type: 'token-wanted' }, platform);
  });
}

const client = createAuthClient({
  baseUrl: '/api',
  retryForMs: 3000,
  // Opened by itself, the page has no platform to ask and sends no token, which is enough for a server with AUTH_STANDALONE.
  ...(isFramed ? { tokenSource: askPlatform, tokenSourceTimeoutMs: 5000 } : { delivery: 'body' }),
});

window.addEventListener('message', ({ origin, source, data }) => {
  // Any window may post messages here. Only the platform around this frame is heard.
  if (origin !== platform || source !== window.parent) return;
  if (data?.type === 'token-refused') question?.reject(new Error(data.reason));
  if (data?.type !== 'token') return;
  if (question) question.resolve(data.token);
  else {
    // Handed over by itself: another user has signed in, who is not to see what the last one saw.
    client.setToken(data.token);
    void load();
  }
  question = undefined;
});

async function call(path, init) {
  const response = await client.fetch(path, init);
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error(wordsFor(response.status, problem));
}

function wordsFor(status, { detail, request_id: requestId }) {
  if (status === 401 && !isFramed) return 'Open this page from the platform.';
  if (status === 403) return 'You may not do this. Ask the owner of the shop.';
  return `${detail ?? `The server answered ${status}.`}${requestId ? ` (${requestId})` : ''}`;
}

/** What the client could not do, in words of this page. */
const WORDS = {
  TOKEN_SOURCE_TIMEOUT: 'The platform does not answer. Reload its page, then try again.',
  TOKEN_SOURCE_FAILED: 'The platform lets you in no more',
  UNAVAILABLE: 'The server does not answer. Try again in a minute.',
};

function tell(error) {
  const words = WORDS[error.code] ?? error.message;
  if (error.code !== 'TOKEN_SOURCE_FAILED') return say(words);
  // Signed out: what is on the page was for a user who may have gone.
  show('', []);
  const reason = error.cause?.message;
  say(`${words}${reason ? `: ${reason}` : ''}. Sign in there, then try again.`);
}

function say(text) {
  const message = document.querySelector('#message');
  message.hidden = text === '';
  message.textContent = text;
}

function show(who, orders) {
  document.querySelector('#who').textContent = who;
  document.querySelector('#orders').replaceChildren(...orders.map(rowOf));
}

/** Which load was begun last. An answer to an earlier one may come later, and may be for another user. */
let latest = 0;

async function load() {
  const mine = ++latest;
  try {
    const [user, { orders }] = await Promise.all([call('/me'), call('/orders')]);
    if (mine !== latest) return;
    show(`Signed in as ${user.username}`, orders);
    say('');
  } catch (error) {
    if (mine === latest) tell(error);
  }
}

async function ship(id) {
  try {
    await call(`/orders/${encodeURIComponent(id)}/ship`, { method: 'POST' });
    await load();
    // The button that had the focus is gone.
    reload.focus();
  } catch (error) {
    tell(error);
  }
}

function rowOf({ id, customer, shipped }) {
  const row = document.createElement('tr');
  for (const text of [id, customer]) row.insertCell().textContent = text;
  const state = row.insertCell();
  if (shipped) state.textContent = 'shipped';
  else {
    const button = document.createElement('button');
    button.textContent = 'Ship';
    button.setAttribute('aria-label', `Ship order ${id}`);
    button.addEventListener('click', () => void ship(id));
    state.append(button);
  }
  return row;
}

const reload = document.querySelector('#reload');
reload.addEventListener('click', () => void load());
await load();
