import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import express from 'express';
import { type AuthOptions, createAuth, memoryStore, type Store } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { expect, it, onTestFinished } from 'vitest';
import { BASE } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { serve } from '../world/serve.js';

const BROWSER = { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

/** An application whose store counts the questions whether it is there, and fails when told to. */
async function world(options: AuthOptions = {}) {
  const clock = createClock();
  const inner = memoryStore();
  const store = { fails: false, pings: 0 };
  const out = () =>
    Promise.reject(new Error('connect ECONNREFUSED db.internal:5432 password=hunter2'));
  const counted: Store = {
    ...inner,
    once: { ...inner.once, incr: (...given) => (store.fails ? out() : inner.once.incr(...given)) },
    ping() {
      store.pings += 1;
      return store.fails ? out() : inner.ping();
    },
  };
  const auth = createAuth({
    ...{ ...BASE, publicUrl: 'http://localhost:3000' },
    ...{ store: counted, now: clock.now },
    ...options,
  });
  const app = express();
  app.use('/api/auth', auth.router());
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  return {
    ...{ auth, clock, store },
    ask: (init: RequestInit = {}) => fetch(`${origin}/api/auth/status`, init),
  };
}

it('says that it is ready, to be stored by nobody', async () => {
  const { auth, ask } = await world();
  const answer = await ask();
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
  expect(answer.headers.get('vary')).toContain('Accept');
  expect(await answer.json()).toEqual({ status: 'ready', reasons: [] });
  expect(await auth.status()).toMatchObject({
    issuers: [{ issuer: auth.config.jwt.issuer, keys: 'current' }],
  });
});

it('is ready when the store has answered while the process stood still for longer than a look may take', async () => {
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const other = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
    parentPort.on('message', () => {
      parentPort.postMessage('there');
      Atomics.store(workerData, 0, 1);
      Atomics.notify(workerData, 0);
    });`,
    { eval: true, workerData: answered },
  );
  onTestFinished(async () => void (await other.terminate()));
  const ping = async (): Promise<void> => {
    const answer = once(other, 'message');
    other.postMessage('there?');
    await answer;
  };
  const { auth } = await world({ store: { ...memoryStore(), ping } });
  await auth.ready();
  Atomics.store(answered, 0, 0);
  const asked = auth.status();
  Atomics.wait(answered, 0, 0);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  expect(await asked).toMatchObject({ status: 'ready', reasons: [] });
});

it('stays with 200 when the store is lost, names the reason by a fixed word, and recovers', async () => {
  const { ask, clock, store } = await world();
  await ask();
  store.fails = true;
  clock.advance(1);
  const degraded = await ask();
  expect(degraded.status).toBe(200);
  expect(await degraded.json()).toEqual({ status: 'degraded', reasons: ['store_unavailable'] });
  const page = await (await ask({ headers: BROWSER })).text();
  expect(page).not.toMatch(/internal|hunter2|ECONNREFUSED/);
  store.fails = false;
  clock.advance(1);
  expect(await (await ask()).json()).toEqual({ status: 'ready', reasons: [] });
});

it('is unavailable while the store has never answered: ended sessions are not known', async () => {
  const { ask, clock, store } = await world();
  store.fails = true;
  const answer = await ask();
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ status: 'unavailable', reasons: ['store_unavailable'] });
  store.fails = false;
  clock.advance(1);
  expect((await ask()).status).toBe(200);
});

it('is unavailable from drain() on, while everything else works', async () => {
  const { auth, ask } = await world();
  await ask();
  auth.drain();
  const answer = await ask();
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ status: 'unavailable', reasons: ['closing'] });
  await auth.users.create({ username: 'alice' });
});

it('asks the store once a second, for however many who ask', async () => {
  const { ask, clock, store } = await world();
  await Promise.all(Array.from({ length: 50 }, () => ask()));
  expect(store.pings).toBe(1);
  clock.advance(1);
  await Promise.all(Array.from({ length: 50 }, () => ask()));
  expect(store.pings).toBe(2);
});

it('is answered beyond the limits of the other routes, and counts for none', async () => {
  const { ask } = await world({ rateLimit: { max: 1, windowSeconds: 60 } });
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask()));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(answers[0]?.headers.get('ratelimit')).toBeNull();
});

it('is a page for browsers, has no body for HEAD, and takes no other method', async () => {
  const { auth, ask } = await world();
  const page = await ask({ headers: BROWSER });
  expect([page.status, page.headers.get('content-type')]).toEqual([
    200,
    'text/html; charset=utf-8',
  ]);
  expect(page.headers.get('vary')).toContain('Accept');
  const head = await ask({ method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  const posted = await ask({ method: 'POST' });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  auth.drain();
  expect((await ask({ headers: BROWSER })).status).toBe(503);
  expect((await ask({ method: 'HEAD' })).status).toBe(503);
});

/** Keys behind a URL that can be made to fail. */
async function remoteIssuer() {
  const keys = { fail: false };
  const { origin } = await serve((_req, res) => {
    res.statusCode = keys.fail ? 500 : 200;
    res.end(JSON.stringify(issuer.jwks()));
  });
  const issuer = await createTestIssuer({ issuer: 'https://id.example.com/', algorithm: 'ES256' });
  const policy = { ...issuer.policy, keys: { jwksUri: `${origin}/keys` } };
  return { keys, policy };
}

it('goes on with the other issuers where the keys of one are missing, and fetches them by being asked', async () => {
  const { keys, policy } = await remoteIssuer();
  keys.fail = true;
  const { auth, ask, clock } = await world({ trustedIssuers: [policy] });
  const answer = await ask();
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ status: 'degraded', reasons: ['keys_unavailable'] });
  keys.fail = false;
  clock.advance(60);
  expect(await (await ask()).json()).toEqual({ status: 'ready', reasons: [] });
  expect((await auth.status()).issuers).toContainEqual({
    issuer: 'https://id.example.com/',
    keys: 'current',
  });
});

it('is unavailable where no issuer has keys, and tells of keys that could not be renewed', async () => {
  const { keys, policy } = await remoteIssuer();
  keys.fail = true;
  const clock = createClock();
  const auth = createAuth({
    ...{ env: {}, trustedIssuers: [policy], now: clock.now },
    onWarning: () => undefined,
  });
  expect(await auth.status()).toMatchObject({
    status: 'unavailable',
    reasons: ['keys_unavailable'],
  });
  keys.fail = false;
  clock.advance(60);
  expect(await auth.status()).toMatchObject({ status: 'ready' });
  keys.fail = true;
  clock.advance(3600);
  await auth.verifier.ready().catch(() => undefined);
  clock.advance(1);
  expect(await auth.status()).toMatchObject({ status: 'degraded', reasons: ['keys_stale'] });
});
