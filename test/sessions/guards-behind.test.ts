import express from 'express';
import { createAuth } from 'latchkey';
import { expect, it } from 'vitest';
import {
  addUser,
  BASE,
  bearer,
  createClient,
  PASSWORD,
  recordEvents,
} from '../world/auth-server.js';
import { serve } from '../world/serve.js';
import { addSessions, type SwitchedStore, switchedStore } from '../world/switched-store.js';

const GUARDS = ['/token', '/token-of-a-live-session', '/cookie'] as const;

/** An instance of the application, with each kind of guard. */
async function serveGuards({ store }: SwitchedStore) {
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000', store });
  const events = recordEvents(auth);
  const app = express();
  app.use('/api/auth', auth.router());
  const [token, live, cookie] = GUARDS;
  app.get(token, auth.requireAuth(), (_req, res) => void res.json({}));
  app.get(live, auth.requireAuth({ checkSession: true }), (_req, res) => void res.json({}));
  app.get(cookie, auth.requireAuth({ sessionCookie: true }), (_req, res) => void res.json({}));
  app.use(auth.errorHandler());
  return createClient({ auth, events, ...(await serve(app)) });
}

/** Someone who has signed in twice: with a token, and with a cookie. */
async function world() {
  const switched = switchedStore();
  const server = await serveGuards(switched);
  const { id } = await addUser(server);
  const headers = async (): Promise<readonly Record<string, string>[]> => {
    const body = { username: 'alice', password: PASSWORD, delivery: 'cookie' };
    const answer = await server.post('/api/auth/login', body);
    const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const token = bearer(await server.signIn('alice'));
    return [token, token, { cookie }];
  };
  return { switched, server, headers, userId: id };
}

/** What each guard answers. */
async function askGuards(
  { get }: Awaited<ReturnType<typeof serveGuards>>,
  headers: readonly Record<string, string>[],
) {
  const answers = await Promise.all(GUARDS.map((path, at) => get(path, headers[at])));
  const outcomes = answers.map((answer) =>
    answer.headers.has('retry-after') ? `${answer.status}, later` : answer.status,
  );
  return Object.fromEntries(outcomes.map((outcome, at) => [GUARDS[at], outcome]));
}

const every = (outcome: number | string) =>
  Object.fromEntries(GUARDS.map((path) => [path, outcome]));

const gone = (): never => {
  throw new Error('the store is gone');
};

it('in an outage a bearer token is judged from memory, and guards that must know answer 503', async () => {
  const { switched, server, headers } = await world();
  const alice = await headers();
  expect(await askGuards(server, alice)).toEqual(every(200));
  const late = await headers();
  switched.onGet = gone;
  switched.onPage = gone;
  expect(await askGuards(server, late)).toEqual({
    '/token': 200,
    '/token-of-a-live-session': '503, later',
    '/cookie': '503, later',
  });
});

it('an instance that knows that revocations are missing asks the store in every guard, and answers 503 without it', async () => {
  const { switched, server, headers, userId } = await world();
  const [alice, lives, unknown] = [await headers(), await headers(), await headers()];
  // So many that they take two pages, of which a new instance gets the first.
  await addSessions(switched.store, { count: 1000, now: Date.now() });
  const at = { now: Date.now(), reason: 'test' };
  await switched.store.sessions.revoke({ userId: 'ann' }, at);
  for (const { id } of (await server.auth.sessions.list(userId)).slice(4))
    await switched.store.sessions.revoke({ id }, at);
  switched.onPage = ({ page }) => (page.after === undefined ? undefined : gone());
  const behind = await serveGuards(switched);
  await behind.auth.ready().catch(() => undefined);
  expect(await askGuards(behind, alice)).toEqual(every(401));
  expect(await askGuards(behind, lives)).toEqual(every(200));
  switched.onGet = gone;
  expect(await askGuards(behind, unknown)).toEqual(every('503, later'));
  // The store has failed, and no hook of the application.
  expect(behind.events.map(({ name }) => name)).toContain('store.failed');
  expect(behind.events.map(({ name }) => name)).not.toContain('hook.failed');
});
