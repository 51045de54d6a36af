import { randomUUID } from 'node:crypto';
import express from 'express';
import { createAuth, memoryStore, principalOf } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  addUser,
  BASE,
  bearer,
  createClient,
  PASSWORD,
  recordEvents,
  type Tokens,
} from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { sharedStores } from '../world/every-store.js';
import { serve } from '../world/serve.js';

const stores = [
  { name: 'memory', url: undefined, isMissing: false },
  ...(await sharedStores(1)),
] as const;

/** As a script of a page of ours sends it. */
const cookieHeader = (token: string) => ({
  cookie: `latchkey-session=${token}`,
  'sec-fetch-site': 'same-origin',
});

const HOUR = 3600;

const NEW_PASSWORD = { old_password: PASSWORD, new_password: `${PASSWORD} 2` };

/** What the cookie of nobody gets. */
const ROUTES: readonly {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly json?: object;
}[] = [
  { method: 'GET', path: '/api/notes', status: 401 },
  { method: 'GET', path: '/api/auth/me', status: 401 },
  { method: 'GET', path: '/api/auth/sessions', status: 401 },
  { method: 'GET', path: '/api/auth/session', status: 200 },
  { method: 'GET', path: '/api/auth/signin?returnTo=/inside', status: 200 },
  { method: 'GET', path: '/api/auth/logout', status: 303 },
  { method: 'DELETE', path: '/api/auth/sessions/any', status: 401 },
  { method: 'POST', path: '/api/auth/refresh', status: 401, json: {} },
  { method: 'POST', path: '/api/auth/logout', status: 401, json: {} },
  { method: 'POST', path: '/api/auth/logout', status: 401, json: { all: true } },
  { method: 'POST', path: '/api/auth/change-password', status: 401, json: NEW_PASSWORD },
];

describe.each(stores)('refresh tokens on $name', (place) => {
  if ('create' in place) {
    beforeAll(() => (place.isMissing ? undefined : place.create()));
    afterAll(() => (place.isMissing ? undefined : place.drop()));
  }

  /** An application whose sessions last for two hours, and Alice with a session of each kind. */
  async function world({ graceSeconds = 10 }: { readonly graceSeconds?: number } = {}) {
    // The times of rows are those of the store's clock, too.
    const clock = createClock(Math.floor(Date.now() / 1000));
    const { now } = clock;
    const auth = createAuth({
      ...BASE,
      publicUrl: 'http://localhost:3000',
      store: place.url === undefined ? memoryStore() : { url: place.url },
      accessTtlSeconds: HOUR,
      refreshIdleTtlSeconds: 2 * HOUR,
      refreshTtlSeconds: 2 * HOUR,
      sessions: { graceSeconds },
      now,
    });
    onTestFinished(() => auth.close());
    const events = recordEvents(auth);
    const app = express();
    app.use('/api/auth', auth.router());
    app.get('/api/notes', auth.requireAuth({ sessionCookie: true }), (req, res) => {
      res.json({ expiresAt: principalOf(req).expiresAt });
    });
    app.use(auth.errorHandler());
    const server = createClient({ auth, ...(await serve(app)) });
    const username = `alice-${randomUUID()}`;
    const user = await addUser({ auth }, { username, email: `${username}@example.com` });

    async function signIn(delivery: 'body' | 'cookie') {
      const answer = await server.post('/api/auth/login', {
        username,
        password: PASSWORD,
        delivery,
      });
      expect(answer.status).toBe(200);
      return tokensIn(answer);
    }

    async function tokensIn(answer: Response) {
      const cookie = answer.headers.getSetCookie().find((line) => line.includes('-session='));
      const [, byCookie = ''] = /=([^;]*);/.exec(cookie ?? '') ?? [];
      return { ...((await answer.json()) as Tokens), cookie: byCookie };
    }

    const byCookie = (token: string) => server.post('/api/auth/refresh', {}, cookieHeader(token));
    const inBody = (token: string) => server.post('/api/auth/refresh', { refresh_token: token });
    const live = async (): Promise<number> => (await auth.sessions.list(user.id)).length;
    const names = (): readonly string[] => events.map(({ name }) => name);
    const advance = (seconds: number): void => clock.advance(seconds);
    return { server, advance, now, names, signIn, tokensIn, byCookie, inBody, live };
  }

  describe.skipIf(place.isMissing)('that were delivered in a body', () => {
    it('are no credential as a cookie, on any route, and nothing happens to their session (W10)', async () => {
      const { server, signIn, inBody, names, live } = await world();
      const { refresh_token: token } = await signIn('body');
      for (const { method, path, status, json } of ROUTES) {
        const answer = await fetch(`${server.origin}${path}`, {
          method,
          redirect: 'manual',
          headers: { ...cookieHeader(token), 'content-type': 'application/json' },
          ...(json && { body: JSON.stringify(json) }),
        });
        expect([method, path, answer.status]).toEqual([method, path, status]);
      }
      const session = await server.get('/api/auth/session', cookieHeader(token));
      expect(await session.json()).toEqual({ authenticated: false });
      expect(names()).not.toContain('refresh.rotated');
      expect(names()).not.toContain('session.revoked');
      expect(await live()).toBe(1);
      expect((await inBody(token)).status).toBe(200);
    });

    it('are not ended by somebody who signs in with one as a cookie', async () => {
      const { server, signIn, inBody } = await world();
      const { refresh_token: token } = await signIn('body');
      const bob = `bob-${randomUUID()}`;
      await addUser({ auth: server.auth }, { username: bob, email: `${bob}@example.com` });
      const credentials = { username: bob, password: PASSWORD, delivery: 'cookie' };
      const answer = await server.post('/api/auth/login', credentials, cookieHeader(token));
      expect(answer.status).toBe(200);
      expect((await inBody(token)).status).toBe(200);
    });
  });

  describe.skipIf(place.isMissing)('that were delivered in a cookie', () => {
    it('are no credential in a body, and nothing happens to their session (W10)', async () => {
      const { server, signIn, inBody, byCookie, names, live } = await world();
      const { cookie } = await signIn('cookie');
      expect((await inBody(cookie)).status).toBe(401);
      const both = { refresh_token: cookie };
      expect((await server.post('/api/auth/refresh', both, cookieHeader(cookie))).status).toBe(401);
      // RFC 7009 §2.2: the answer says nothing.
      expect((await server.post('/api/auth/revoke', { token: cookie })).status).toBe(200);
      expect(names()).not.toContain('session.revoked');
      expect(await live()).toBe(1);
      expect((await byCookie(cookie)).status).toBe(200);
    });

    it('end every session only while they are the current one', async () => {
      const { server, signIn, tokensIn, byCookie, advance, live } = await world();
      await signIn('body');
      const { cookie: first } = await signIn('cookie');
      const logOut = (cookie: string) =>
        server.post('/api/auth/logout', { all: true }, cookieHeader(cookie));
      const { cookie: second } = await tokensIn(await byCookie(first));
      for (const seconds of [0, 11]) {
        advance(seconds);
        const refused = await logOut(first);
        expect(refused.status).toBe(401);
        expect(refused.headers.getSetCookie()).toEqual([]);
      }
      expect(await live()).toBe(2);
      expect((await logOut(second)).status).toBe(204);
      expect(await live()).toBe(0);
      expect((await logOut(second)).status).toBe(401);
    });
  });

  describe.skipIf(place.isMissing)('and the end of their session', () => {
    it('no access token outlives it, and `expires_in` says so', async () => {
      const { server, advance, now, signIn, tokensIn, inBody, byCookie } = await world();
      const start = now() / 1000;
      const body = await signIn('body');
      const { cookie } = await signIn('cookie');
      expect(body.expires_in).toBe(HOUR);
      advance(1.5 * HOUR);
      for (const answer of [await inBody(body.refresh_token), await byCookie(cookie)]) {
        const renewed = await tokensIn(answer);
        expect(renewed).toMatchObject({ expires_in: HOUR / 2, refresh_in: 0.8 * (HOUR / 2) });
        const me = await server.get('/api/auth/me', bearer(renewed));
        expect(await me.json()).toMatchObject({ expires_at: start + 2 * HOUR });
      }
      const { cookie: latest } = await tokensIn(await byCookie(cookie));
      const notes = await server.get('/api/notes', cookieHeader(latest));
      expect(await notes.json()).toEqual({ expiresAt: start + 2 * HOUR });
      const session = await server.get('/api/auth/session', cookieHeader(latest));
      expect(await session.json()).toMatchObject({ expires_in: HOUR / 2 });
      advance(HOUR / 2);
      expect((await server.get('/api/notes', cookieHeader(latest))).status).toBe(401);
    });

    it('an access token that outlived it by the lag of another instance ends no other session', async () => {
      const { server, signIn, live } = await world();
      const tokens = await signIn('body');
      await signIn('body');
      // As another instance does it: this one has not heard of it yet.
      const [, , id = ''] = tokens.refresh_token.split('.');
      await server.auth.store.sessions.revoke({ id }, { now: Date.now(), reason: 'elsewhere' });
      const answer = await server.post('/api/auth/logout', { all: true }, bearer(tokens));
      expect(answer.status).toBe(401);
      expect(await live()).toBe(1);
    });
  });

  describe.skipIf(place.isMissing)('with a grace of an hour', () => {
    it('the former one gets the same successor 59 minutes later, and ends the session 61 minutes later', async () => {
      const { advance, signIn, inBody, tokensIn } = await world({ graceSeconds: HOUR });
      const { refresh_token: first } = await signIn('body');
      const second = await tokensIn(await inBody(first));
      advance(59 * 60);
      const again = await tokensIn(await inBody(first));
      expect(again.refresh_token).toBe(second.refresh_token);
      advance(2 * 60);
      const reused = await inBody(first);
      expect(await reused.json()).toMatchObject({ code: 'REFRESH_REUSED' });
    });
  });
});

it('a grace of more than an hour is a TypeError', () => {
  const sessions = { graceSeconds: HOUR + 1 };
  expect(() => createAuth({ ...BASE, publicUrl: 'http://localhost:3000', sessions })).toThrow(
    TypeError,
  );
});
